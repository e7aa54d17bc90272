"""DPoP, for all three roles: `make` a proof, `check` one, hand out and accept `nonce`s."""

from fapikit.dpop.check import CheckedProof, check_proof, remember_proof
from fapikit.dpop.make import access_token_hash, make_proof
from fapikit.dpop.nonce import NonceIssuer

__all__ = ["CheckedProof", "NonceIssuer", "access_token_hash", "check_proof", "make_proof", "remember_proof"]
