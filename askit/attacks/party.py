"""Who attacks: a client that is registered at the server under test, with its key.

Spec: RFC 7523 3; RFC 9449 4.2; FAPI2-SP 5.3.2.1-6
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fapikit.jose.private_key import PrivateKey


@dataclass(frozen=True, slots=True)
class Party:
    """A client with `private_key_jwt`. `scope`: what it asks for; with several words narrower tokens are tried.

    `further`: further parameters of its authorization requests, such as `{"response_mode": "jwt"}`. `signs_requests`:
    its requests are signed request objects.
    """

    client_id: str
    key: PrivateKey = field(repr=False)
    redirect_uri: str
    scope: str = "openid accounts"
    further: Mapping[str, str] = field(default_factory=dict)
    signs_requests: bool = False
