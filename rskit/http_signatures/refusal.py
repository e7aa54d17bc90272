"""The refusal of a request that is not signed and must be.

Spec: FAPI2-HS 1.2-3; RFC 9421 3.2
Role: RS
"""

from __future__ import annotations

from fapikit.errors import MissingHttpSignature


def missing_signature() -> MissingHttpSignature:
    return MissingHttpSignature(
        'this API takes signed requests only: sign with tag="fapi-2-request" and created, and cover @method, '
        "@target-uri, authorization, and dpop and content-digest where they are",
        clause="FAPI2-HS 1.2-3",
    )
