"""The access token: a JWT verified here or an opaque one introspected, its claims, what is remembered of it."""
