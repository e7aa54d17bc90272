"""The hint that says which user an authentication request is about. Every request has exactly one.

Spec: CIBA 7.1c, 7.1e; FAPI-CIBA 5.2.2-11
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit import base64url, strict_json
from fapikit.errors import ConfigurationError
from fapikit.secrets import Concealed, Secret, revealed
from rpkit.login.id_token import IdToken

HINTS: Final = ("login_hint", "login_hint_token", "id_token_hint")


def hint_of(parameters: Mapping[str, Any]) -> tuple[Concealed[dict[str, str]], str | None]:
    """The one hint as a request parameter, and the `sub` of its user if the hint is an ID token.

    Raises ConfigurationError for none, for several, or for one that the server could not read.
    """
    given = [name for name in HINTS if parameters.get(name) is not None]
    if len(given) != 1:
        raise ConfigurationError(
            f"ciba() got {' and '.join(given) or 'no hint'}: give exactly one of {', '.join(HINTS)}",
            clause="CIBA 7.1c",
            facts={"given": " ".join(given)},
        )
    (name,) = given
    hint = parameters[name]
    if isinstance(hint, IdToken) and name == "id_token_hint":
        return Concealed({name: hint.token}), hint.subject
    hint = revealed(hint) if isinstance(hint, Secret) else hint
    if not isinstance(hint, str) or not hint.strip():
        raise ConfigurationError(f"{name} is empty or not a text: name the user", clause="CIBA 7.1c")
    return Concealed({name: hint}), _subject_in(hint) if name == "id_token_hint" else None


def _subject_in(id_token: str) -> str:
    """The `sub` of an ID token of ours, which was verified when it came."""
    parts = id_token.split(".")
    try:
        if len(parts) == 3:
            subject = strict_json.parse_object(base64url.decode(parts[1]))["sub"]
            if isinstance(subject, str) and subject:
                return subject
    except (ValueError, KeyError):
        pass
    raise ConfigurationError(
        "id_token_hint is not a signed ID token: give login.id_token, or its token after decryption",
        clause="CIBA 7.1e",
    )
