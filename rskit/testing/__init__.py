"""For the tests of your API: `Mint` makes tokens and proofs, `MessageSigner` signed bodies.

`rskit.attacks` forges those that must be refused.

Spec: RFC 9068 2.2; RFC 9449 4.2
Role: RS
"""

from rskit.testing.message_signer import MessageSigner
from rskit.testing.mint import ISSUER, Mint

__all__ = ["ISSUER", "MessageSigner", "Mint"]
