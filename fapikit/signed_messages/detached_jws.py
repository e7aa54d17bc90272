"""The `x-jws-signature` of UK Open Banking: a JWS in a header, whose payload is the body as it is.

There are two forms. Until version 3.1.3 the header has `b64` false, and the signature is over the octets of the body.
From version 3.1.4 on it has no `b64`, and the signature is over their base64url. Which one was used is signed too.

Spec: UK-JWS 1, 2, 3, 4, 5; RFC 7797 3, 6; RFC 7515 4.1.11, F1
Role: C, RS
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from fapikit import base64url, strict_json
from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    ForbiddenClaim,
    JwtTooLarge,
    MalformedClaim,
    MalformedJwt,
    MissingClaim,
    MissingSignature,
    NotYetValid,
    TooOld,
    UnknownCritical,
    UntrustedAnchor,
    UnusableKey,
    WrongIssuer,
    WrongJwtType,
)
from fapikit.flow import Flow, sign
from fapikit.jose.key_set import KeySource
from fapikit.jose.parse import check_header, read_object, read_signature
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose
from fapikit.jose.signer import Signer
from fapikit.secrets import Concealed
from fapikit.signed_messages.settings import check_algorithms

FIELD: Final = "x-jws-signature"
DIRECTORY: Final = "openbanking.org.uk"
"""The trust anchor of the Open Banking Directory."""

PayloadForm: TypeAlias = Literal["encoded", "unencoded"]
"""`unencoded`: `b64` is false (until version 3.1.3). `encoded`: the header has no `b64` (from version 3.1.4 on)."""
FORMS: Final[tuple[PayloadForm, ...]] = ("encoded", "unencoded")

IAT: Final = "http://openbanking.org.uk/iat"
ISS: Final = "http://openbanking.org.uk/iss"
TAN: Final = "http://openbanking.org.uk/tan"
_CLAIMS: Final = (IAT, ISS, TAN)
_MEMBERS: Final = frozenset({"alg", "kid", "typ", "cty", "crit", "b64", *_CLAIMS})
_MAX_CHARACTERS: Final = 8 * 1024

DETACHED_JWS: Final = Purpose(
    name=FIELD,
    typ="JOSE",
    clauses={
        "typ": "UK-JWS 2",
        "alg": "UK-JWS 1",
        "signature": "UK-JWS 1",
        "kid": "UK-JWS 2",
        "crit": "UK-JWS 2",
        "b64": "UK-JWS 3",
        IAT: "UK-JWS 5",
        ISS: "UK-JWS 5",
        TAN: "UK-JWS 5",
    },
    max_octets=_MAX_CHARACTERS,
)
"""No JWT: its payload is a body, and its header has claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSigner:
    """What a verifier expects. Times are seconds.

    `issuers`: the names that the signer may have. `anchors`: the trust anchors in which its key may be published.
    `forms`: which forms are accepted. `max_age`: how old `iat` may be; None: of any age.
    """

    issuers: Collection[str]
    anchors: Collection[str]
    now: float
    skew: float
    max_age: float | None
    forms: Collection[PayloadForm] = FORMS


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that verified. `value` is the header field as it came, for evidence."""

    value: str
    header: Mapping[str, Any]
    key: PublicKey = field(repr=False)


def sign_detached(
    payload: Concealed[bytes], signer: Signer, *, issuer: str, anchor: str, now: float, form: PayloadForm
) -> Flow[str]:
    """The value of the header field for a body."""
    header: dict[str, Any] = {"alg": signer.alg, "kid": signer.kid, "typ": "JOSE", "cty": "application/json"}
    critical = list(_CLAIMS)
    if form == "unencoded":
        header["b64"] = False
        critical.append("b64")
    header |= {IAT: int(now), ISS: issuer, TAN: anchor, "crit": critical}
    head = base64url.encode(strict_json.dump(header))
    signature = yield from sign(signer, _signing_input(head, payload, form))
    return f"{head}..{base64url.encode(signature)}"


def verify_detached(
    values: Collection[str],
    payload: Concealed[bytes],
    *,
    keys: KeySource,
    algorithms: Collection[str],
    expected: ExpectedSigner,
) -> Flow[VerifiedSignature]:
    """Verify the one signature among the values of the header field.

    Raises MissingSignature, the JwtError of the failed check; TransportError if no key can be fetched now.
    """
    text = _only(values)
    head, tail = _split(text)
    header = read_object(head, DETACHED_JWS, "header")
    form = _check_members(header)
    alg, kid = check_header(_common(header), DETACHED_JWS, algorithms)
    _check_claims(header, form, expected)
    signature = read_signature(tail, DETACHED_JWS)
    key = yield from keys.find(alg, kid, DETACHED_JWS, issued_at=float(header[IAT]))
    try:
        verify = key.verifier(alg)
    except UnusableKey as error:
        raise DETACHED_JWS.fail(UnusableKey, error.message, clause=error.clause) from error
    if not verify(signature, _signing_input(head, payload, form)):
        raise DETACHED_JWS.fail(BadSignature, f"the {FIELD} does not verify for this body", about="signature")
    return VerifiedSignature(text, header, key)


def _signing_input(head: str, payload: Concealed[bytes], form: PayloadForm) -> bytes:
    body = payload.reveal()
    return (
        head.encode("ascii")
        + b"."
        + (body if form == "unencoded" else base64url.encode(body).encode("ascii"))
    )


def _only(values: Collection[str]) -> str:
    if not values:
        raise DETACHED_JWS.fail(
            MissingSignature, f"this message has a body and no {FIELD}: sign the body", clause="UK-JWS 1"
        )
    text, *others = values
    if others or "," in text:
        raise DETACHED_JWS.fail(MalformedJwt, f"this message has more than one {FIELD}", clause="UK-JWS 1")
    return text.strip()


def _split(text: str) -> tuple[str, str]:
    if len(text) > _MAX_CHARACTERS:
        raise DETACHED_JWS.fail(JwtTooLarge, f"the {FIELD} has more than {_MAX_CHARACTERS} characters")
    parts = text.split(".")
    if len(parts) != 3 or parts[1]:
        raise DETACHED_JWS.fail(
            MalformedJwt,
            f"the {FIELD} is not `header..signature`: its payload is the body",
            clause="UK-JWS 1",
        )
    return parts[0], parts[2]


def _check_members(header: Mapping[str, Any]) -> PayloadForm:
    """Only the members of the specification, each of its type, and `crit` with exactly those that it must name."""
    unknown = sorted(header.keys() - _MEMBERS)
    if unknown:
        raise DETACHED_JWS.fail(
            ForbiddenClaim,
            f"the {FIELD} has the member {unknown[0][:60]}, which it must not have",
            clause="UK-JWS 5",
        )
    form: PayloadForm = "encoded"
    if "b64" in header:
        if header["b64"] is not False:
            raise DETACHED_JWS.fail(
                MalformedClaim, f"b64 of the {FIELD} is not false: leave it out", about="b64"
            )
        form = "unencoded"
    for name in ("kid", "crit", *_CLAIMS):
        if header.get(name) in (None, "", []):
            raise DETACHED_JWS.fail(
                MissingClaim, f"the {FIELD} has no {name}", about=name, facts={"claim": name}
            )
    _check_critical(header["crit"], form)
    for name in (ISS, TAN, "cty"):
        if name in header and not isinstance(header[name], str):
            raise DETACHED_JWS.fail(
                MalformedClaim, f"{name} is not a string", about=name, facts={"claim": name}
            )
    if type(header[IAT]) is not int:
        raise DETACHED_JWS.fail(
            MalformedClaim, f"{IAT} is not a whole number of seconds", about=IAT, facts={"claim": IAT}
        )
    typ = header.get("typ", "JOSE")
    if not isinstance(typ, str) or typ.upper() != "JOSE":
        raise DETACHED_JWS.fail(
            WrongJwtType, f"typ of the {FIELD} is not JOSE", about="typ", facts={"typ": str(typ)[:60]}
        )
    return form


def _check_critical(crit: object, form: PayloadForm) -> None:
    wanted = {*_CLAIMS, *(("b64",) if form == "unencoded" else ())}
    if not isinstance(crit, list) or not all(isinstance(name, str) for name in crit):
        raise DETACHED_JWS.fail(MalformedClaim, f"crit of the {FIELD} is not a list of names", about="crit")
    if set(crit) != wanted or len(crit) != len(wanted):
        raise DETACHED_JWS.fail(
            UnknownCritical,
            f"crit of the {FIELD} must name exactly {' '.join(sorted(wanted))}",
            about="crit",
            facts={"crit": " ".join(map(str, crit))},
        )


def _common(header: Mapping[str, Any]) -> dict[str, Any]:
    """The members that every JWS has: those of this one are checked already."""
    return {name: header[name] for name in ("alg", "kid") if name in header}


def _check_claims(header: Mapping[str, Any], form: PayloadForm, expected: ExpectedSigner) -> None:
    if form not in expected.forms:
        has = "has b64" if form == "unencoded" else "has no b64"
        raise DETACHED_JWS.fail(MalformedClaim, f"the {FIELD} {has}, which is not accepted here", about="b64")
    if header[ISS] not in expected.issuers:
        raise DETACHED_JWS.fail(
            WrongIssuer,
            f"{ISS} is not the party that this message comes from",
            about=ISS,
            facts={"expected": " ".join(sorted(expected.issuers)), "got": header[ISS][:200]},
        )
    if header[TAN] not in expected.anchors:
        raise DETACHED_JWS.fail(
            UntrustedAnchor,
            f"{TAN} is not a trusted anchor",
            about=TAN,
            facts={"expected": " ".join(sorted(expected.anchors)), "got": header[TAN][:200]},
        )
    ago = expected.now - header[IAT]
    if ago < -expected.skew:
        raise DETACHED_JWS.fail(NotYetValid, f"{IAT} is in the future: check the clocks", about=IAT)
    if expected.max_age is not None and ago > expected.max_age + expected.skew:
        raise DETACHED_JWS.fail(
            TooOld, f"{IAT} is too long ago", about=IAT, facts={"limit": int(expected.max_age)}
        )


def check_settings(
    *,
    issuer: object,
    anchors: object,
    form: object,
    forms: Collection[object],
    max_age: float | None,
    signer: Signer,
    algorithms: Collection[str],
) -> None:
    """The settings that both sides have. Raises ConfigurationError, which names the setting."""
    if not isinstance(issuer, str) or not issuer:
        raise ConfigurationError(
            "DetachedJws(issuer=): give the name that your signatures have", clause="UK-JWS 2"
        )
    if isinstance(anchors, str) or not isinstance(anchors, Collection) or not anchors:
        raise ConfigurationError(
            f"DetachedJws(anchors=): give the trusted anchors as a collection, such as ({DIRECTORY!r},)",
            clause="UK-JWS 5",
        )
    if form not in FORMS or isinstance(forms, str) or not forms or not set(forms) <= set(FORMS):
        raise ConfigurationError(
            'DetachedJws(form=, accepts=): a form is "encoded" or "unencoded", and one at least is accepted',
            clause="UK-JWS 3",
        )
    if max_age is not None and not max_age > 0:
        raise ConfigurationError(
            f"DetachedJws(max_age={max_age}): it must be more than 0 s, or None", clause="UK-JWS 5"
        )
    check_algorithms("DetachedJws", signer, algorithms, clause="UK-JWS 1")
