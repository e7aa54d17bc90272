"""Registered clients: `client` reads and finds them, `metadata` knows the members, `keys` fetches what they host."""
