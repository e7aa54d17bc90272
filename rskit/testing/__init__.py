"""For an API team's own tests: `Mint` makes tokens and proofs, `rskit.attacks` forges what has to be refused.

Spec: RFC 9068 2.2; RFC 9449 4.2
Role: RS
"""

from rskit.testing.mint import ISSUER, Mint

__all__ = ["ISSUER", "Mint"]
