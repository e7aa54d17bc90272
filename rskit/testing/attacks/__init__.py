"""The published attacks on tokens and proofs, made so that an API team can send them at its own application.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""

from rskit.testing.attacks.scan import Attack, Headers, Send, attacks, find_holes

__all__ = ["Attack", "Headers", "Send", "attacks", "find_holes"]
