"""Tokens: the token endpoint, the token set of a login, its store, its DPoP key, introspection and revocation."""
