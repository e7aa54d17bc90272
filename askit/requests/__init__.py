"""What the server receives: authorization requests, plain or signed, their details, DPoP proofs; and from whom."""
