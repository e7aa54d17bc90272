"""The signed bodies of Open Finance Brazil: the members of a JSON object are the claims of a JWT, `application/jwt`.

The claims `aud`, `iss`, `iat` and `jti` say for whom, by whom and when, and are no part of the body. So a body cannot
have members of these names, nor any that would make the JWT one of another kind.

Spec: BR-JWT 1, 2, 3, 4, 5, 6; RFC 7519 4.1; RFC 8725 3.12
Role: C, RS
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.errors import ConfigurationError, MalformedClaim, MissingClaim, MissingSignature, WrongAudience
from fapikit.flow import Flow
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySource
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import SIGNED_BODY
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.jose.verify import verify_jwt
from fapikit.secrets import Concealed

MEDIA_TYPE: Final = "application/jwt"
WINDOW: Final = 60.0
"""In seconds: how far `iat` may be from now, on both sides."""
REMEMBERED: Final = 24 * 3600.0
"""In seconds: a `jti` must not come again within a day."""
_OURS: Final = ("aud", "iss", "iat", "jti")
_NOT_IN_BODIES: Final = frozenset({*_OURS, "exp", "nbf"}) | SIGNED_BODY.forbidden


@dataclass(frozen=True, slots=True)
class VerifiedBody:
    """A body that verified. `payload`: JSON without the claims about the message. `jwt`: as it came, for evidence."""

    jti: str
    key: PublicKey = field(repr=False)
    _payload: Concealed[bytes]
    _jwt: Concealed[str]

    @property
    def payload(self) -> bytes:
        return self._payload.reveal()

    @property
    def jwt(self) -> str:
        return self._jwt.reveal()


def sign_body(
    body: Concealed[bytes],
    signer: Signer,
    *,
    issuer: str,
    audience: str,
    now: float,
    random_bytes: RandomBytes,
) -> Flow[str]:
    """The JWT of a body. Raises ConfigurationError for a body that is no JSON object, or that has a reserved member."""
    members = _members(body)
    ours = {"aud": audience, "iss": issuer, "iat": int(now), "jti": _uuid4(random_bytes)}
    return (yield from sign_jwt({**ours, **members}, SIGNED_BODY, signer))


def verify_body(
    body: Concealed[bytes],
    *,
    keys: KeySource,
    algorithms: Collection[str],
    issuer: str,
    audiences: Collection[str],
    now: float,
) -> Flow[VerifiedBody]:
    """Verify the JWT that a body is. `audiences`: each of them means this recipient, and there must be no other.

    Raises the JwtError of the failed check; TransportError if no key can be fetched now.
    """
    if not audiences:  # an empty `Expected.audience` would mean that `aud` is not compared
        raise SIGNED_BODY.fail(WrongAudience, "the request has no URL that aud could be", about="aud")
    text = Concealed(body.reveal().decode("ascii", "replace"))
    verified = yield from verify_jwt(
        text,
        SIGNED_BODY,
        keys=keys,
        algorithms=algorithms,
        expected=Expected(
            issuer=issuer,
            audience=tuple(audiences),
            sole_audience=True,
            now=now,
            skew=WINDOW,
            max_age=0.0,
        ),
    )
    if verified.header.get("kid") is None:
        raise SIGNED_BODY.fail(
            MissingClaim, "this signed body has no kid", clause="BR-JWT 2", facts={"claim": "kid"}
        )
    jti = verified.claims["jti"]
    if not _is_uuid4(jti):
        raise SIGNED_BODY.fail(
            MalformedClaim,
            "jti of this signed body is not a UUID of version 4",
            about="jti",
            facts={"claim": "jti"},
        )
    payload = {name: value for name, value in verified.claims.items() if name not in _OURS}
    return VerifiedBody(jti, verified.key, Concealed(strict_json.dump(payload)), text)


def missing_body_signature() -> MissingSignature:
    """The error for a body that is not signed."""
    return SIGNED_BODY.fail(
        MissingSignature,
        f"the body is not signed: send it as a JWT, with the media type {MEDIA_TYPE}",
        clause="BR-JWT 1",
    )


def is_jwt(content_type: str | None) -> bool:
    return (content_type or "").split(";")[0].strip().lower() == MEDIA_TYPE


def _members(body: Concealed[bytes]) -> Mapping[str, Any]:
    try:
        members = strict_json.parse_object(body.reveal())
    except ValueError:
        raise ConfigurationError(
            "a body that is to be signed as a JWT must be one JSON object", clause="BR-JWT 1"
        ) from None
    reserved = sorted(_NOT_IN_BODIES & members.keys())
    if reserved:
        raise ConfigurationError(
            f"a body that is signed as a JWT cannot have the member {reserved[0]}: it would be a claim of the JWT",
            clause="RFC 8725 3.12",
            facts={"member": reserved[0]},
        )
    return members


def _uuid4(random_bytes: RandomBytes) -> str:
    return str(uuid.UUID(bytes=random_bytes(16), version=4))


def _is_uuid4(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 4 and len(text) == 36
    except ValueError:
        return False
