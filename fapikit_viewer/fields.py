"""Names and values as the page shows them: each with its sentence and clause, and each JWT taken apart.

Spec: RFC 7515 3.1; RFC 7516 3.1
Role: RP, RS, AS
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from fapikit_viewer.masking.message import FORM
from fapikit_viewer.masking.values import MASK, jwt_part
from fapikit_viewer.urls import parts_of
from fapikit_viewer.words import UNKNOWN, Place, look_up

Field: TypeAlias = dict[str, Any]
"""`{"name", "value", "meaning", "clause", "masked", "jwt"}`. `jwt` is None, or an object with `what`, `header`,
`payload` and `signature`. There `header` and `payload` are lists of fields."""

_JWT: Final = re.compile(r"(?:^|(?<=\s))(ey[\w-]+)\.([\w*-]*)(?:\.([\w*-]*))?(?:\.([\w*-]*)\.([\w*-]*))?$")
_MAX_DEPTH: Final = 4
_BY_TYP: Final[Mapping[str, str]] = {
    "dpop+jwt": "DPoP proof",
    "at+jwt": "access token",
    "oauth-authz-req+jwt": "request object",
    "logout+jwt": "logout token",
    "secevent+jwt": "security event",
    "token-introspection+jwt": "signed introspection response",
    "statuslist+jwt": "status list",
    "client-authentication+jwt": "client assertion",
}
_BY_NAME: Final[Mapping[str, str]] = {
    "access_token": "access token",
    "authorization": "access token",
    "token": "access token",
    "subject_token": "access token",
    "refresh_token": "refresh token",
    "id_token": "ID token",
    "id_token_hint": "ID token",
    "client_assertion": "client assertion",
    "assertion": "assertion",
    "request": "request object",
    "response": "signed authorization response (JARM)",
    "dpop": "DPoP proof",
    "software_statement": "software statement",
    "logout_token": "logout token",
    "x-jws-signature": "signature of the body",
}


def field_of(place: Place, name: str, value: Any, depth: int = 0) -> Field:
    """One field. A value that is no string is shown as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    word = look_up(place, name) or UNKNOWN
    return {
        "name": name,
        "value": text,
        "meaning": word.said,
        "clause": word.clause,
        "masked": MASK in text,
        "jwt": jwt_of(name, text, depth) if depth < _MAX_DEPTH else None,
    }


def fields_of(place: Place, members: Iterable[tuple[str, Any]], depth: int = 0) -> list[Field]:
    return [field_of(place, name, value, depth) for name, value in members]


def jwt_of(name: str, value: str, depth: int = 0) -> dict[str, Any] | None:
    """A JWT taken apart, or None if the value is none. Of an encrypted one only the header can be read."""
    found = _JWT.search(value)
    if found is None:
        return None
    first, second, third, fourth, _ = found.groups()
    header = jwt_part(first)
    if header is None or (fourth is None and third is None and second != MASK):
        return None
    encrypted = "enc" in header
    payload = None if encrypted else jwt_part(second)
    what = _what(name, header)
    return {
        "what": f"encrypted {what}" if encrypted else what,
        "header": fields_of("jose", header.items(), depth + 1),
        "payload": fields_of("claims", (payload or {}).items(), depth + 1),
        "signature": MASK if encrypted and second == MASK else third or "",
    }


def query_fields(url: str) -> list[Field]:
    """The parameters in a URL's query, and in its fragment."""
    parts = parts_of(url)
    pairs = [*_pairs(parts.query), *(_pairs(parts.fragment) if "=" in parts.fragment else ())]
    return fields_of("parameters", pairs)


def body_fields(body: str, media_type: str) -> tuple[list[Field], str | None]:
    """The parameters of a body, and its text if it has no parameters."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == FORM and not body.startswith("["):
        return fields_of("parameters", _pairs(body)), None
    if kind.endswith("json"):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return [], body or None
        if isinstance(value, dict):
            return fields_of("parameters", value.items()), None
        return [], json.dumps(value, ensure_ascii=False, indent=1)
    if kind.endswith(("jwt", "jose")):
        return [
            {
                **field_of("parameters", "body", body),
                "meaning": "The body is one JWT.",
                "clause": "RFC 7519 3",
            }
        ], None
    return [], body or None


def _what(name: str, header: Mapping[str, Any]) -> str:
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    return _BY_TYP.get(typ) or _BY_NAME.get(name.lower()) or "JWT"


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return []
