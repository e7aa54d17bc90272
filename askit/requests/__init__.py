"""What reaches the server: authorization requests, plain or signed, their details, DPoP proofs, and the address."""
