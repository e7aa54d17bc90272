"""The endpoints, one file each: a plain async function that takes the core and the request."""
