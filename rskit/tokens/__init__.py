"""The access token: verified here as a JWT or introspected, its claims, and what is cached of it."""
