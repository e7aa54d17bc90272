"""Calls to APIs with a token: proof and nonces, challenges, refresh, and what an API says of itself."""
