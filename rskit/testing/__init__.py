"""For the tests of your API: `Mint` makes tokens and proofs, `rskit.attacks` forges those that must be refused.

Spec: RFC 9068 2.2; RFC 9449 4.2
Role: RS
"""

from rskit.testing.mint import ISSUER, Mint

__all__ = ["ISSUER", "Mint"]
