"""Proof of possession: where the token is in the request, and the proof or certificate that must come with it."""
