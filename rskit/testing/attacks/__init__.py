"""The published attacks on tokens, proofs and paths. An API team can send them to its own application.

The public names are in `rskit.attacks`.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""
