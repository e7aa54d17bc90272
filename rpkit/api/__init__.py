"""Calls to APIs with a token: proofs and nonces, challenges, refresh, and the metadata of an API."""
