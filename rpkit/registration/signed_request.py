"""A registration request as a signed JWT. The directories in the UK, Australia and Brazil demand it.

The claims of the JWT are the client metadata. Its `iss` is the `software_id`, its `aud` is the bank. It expires after
five minutes.

Spec: RFC 7591 2, 2.3, 3.1; RFC 7519 4.1; RFC 8725 3.9
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit import strict_json
from fapikit.clock import Clock, RandomBytes, system_clock, system_random
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.jose.purposes import REGISTRATION_REQUEST
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.profiles import Profile
from fapikit.secrets import random_token
from fapikit.setting_types import check_text_settings
from rpkit.registration.software_statement import effective_metadata

LIFETIME: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """How to sign the request. `signer`: the key of the software. `audience`: the `aud`; None means the issuer."""

    signer: Signer
    audience: str | None = None
    clock: Clock = field(default=system_clock, repr=False)
    random_bytes: RandomBytes = field(default=system_random, repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)


def request_body(
    client_metadata: Mapping[str, Any], signed: SignedRequest | None, *, profile: Profile, issuer: str | None
) -> Flow[tuple[bytes, str]]:
    """The body of the request, and its media type. Raises ConfigurationError, ForbiddenByProfile."""
    if signed is None:
        return strict_json.dump(client_metadata), "application/json"
    profile.require_algorithm(signed.signer.alg, "a registration request")
    software_id, audience = effective_metadata(client_metadata).get("software_id"), signed.audience or issuer
    if not isinstance(software_id, str) or not software_id:
        raise ConfigurationError(
            "a signed registration request needs the software_id as its iss: add software_id to the client metadata",
            clause="RFC 7591 2",
        )
    if audience is None:
        raise ConfigurationError(
            "a signed request to update a registration needs an aud: set SignedRequest(audience=...)",
            clause="RFC 8725 3.9",
        )
    now = int(signed.clock())
    claims = {
        **client_metadata,
        "iss": software_id,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": random_token(signed.random_bytes),
    }
    token = yield from sign_jwt(claims, REGISTRATION_REQUEST, signed.signer)
    return token.encode("ascii"), "application/jwt"
