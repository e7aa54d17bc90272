"""The endpoints, one file each: a plain async function of the server and the request."""
