"""The ways to a token: one file per grant."""
