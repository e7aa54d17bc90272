"""A request whose signature is valid.

Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the extra `signatures` may be missing
    from fapikit.http_signatures.messages import RequestMessage
    from fapikit.http_signatures.verify import VerifiedSignature


class SignedRequest(NamedTuple):
    """`request`: as it was signed, at the URL that its client used."""

    request: RequestMessage
    signature: VerifiedSignature
