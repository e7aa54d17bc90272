"""The software statement that a directory signed for the client: what it says wins over the other client metadata.

The client reads its own statement without verifying it, because the server decides on it. It only takes from it what
will be registered, so that the request is checked before it is sent, and the response afterwards.

Spec: RFC 7591 2.3, 3.1.1, 3.2.1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit import base64url, strict_json
from fapikit.errors import ConfigurationError

STATEMENT: Final = "software_statement"
_ABOUT_THE_JWT: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", STATEMENT})
_ALTERNATIVES: Final = {"jwks": "jwks_uri", "jwks_uri": "jwks"}


def effective_metadata(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata that a server registers if it accepts the statement in `asked`. Raises ConfigurationError."""
    said = _read(asked[STATEMENT]) if STATEMENT in asked else {}
    replaced = {*said, *(_ALTERNATIVES[name] for name in _ALTERNATIVES if name in said)}
    return {**{name: value for name, value in asked.items() if name not in replaced}, **said}


def _read(statement: object) -> dict[str, Any]:
    parts = statement.split(".") if isinstance(statement, str) else []
    if len(parts) != 3:
        raise _unreadable("is no signed JWT")
    try:
        claims = strict_json.parse_object(base64url.decode(parts[1]))
    except ValueError as error:
        raise _unreadable("cannot be read as a signed JWT") from error
    if not claims.get("iss"):
        raise _unreadable("has no iss, which names the directory")
    return {
        name: value
        for name, value in claims.items()
        if name not in _ABOUT_THE_JWT and value not in (None, "")
    }


def _unreadable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"software_statement {why}: give it exactly as the directory issued it",
        clause="RFC 7591 2.3",
        facts={"member": STATEMENT},
    )
