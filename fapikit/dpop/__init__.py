"""DPoP for all three roles: `make` a proof, `check` a proof, issue and accept a `nonce`."""

from fapikit.dpop.check import CheckedProof, check_proof, remember_proof, replay_mark
from fapikit.dpop.make import access_token_hash, make_proof
from fapikit.dpop.nonce import NonceIssuer, ProcessNonceIssuer
from fapikit.dpop.proof_keys import ProofKeys

__all__ = [
    "CheckedProof",
    "NonceIssuer",
    "ProcessNonceIssuer",
    "ProofKeys",
    "access_token_hash",
    "check_proof",
    "make_proof",
    "remember_proof",
    "replay_mark",
]
