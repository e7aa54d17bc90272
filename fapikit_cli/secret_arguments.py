"""Refuses a secret among the arguments of the command: a private key, a token in use, a password in a URL.

Spec: RFC 6749 10.1; RFC 6750 5.3
Role: RP, RS, AS
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Sequence
from typing import Any, Final

from fapikit_cli.failing import WrongUsage
from fapikit_cli.secret_input import SOURCES

_COMPACT: Final = re.compile(r"eyJ[\w-]+(?:\.[\w-]*){2,4}")
_SECRET_OPTION: Final = re.compile(
    r"--(?:password|passphrase|(?:client-|app-)?secret|(?:access-|refresh-|initial-access-|registration-|id-)?token)="
)
_PRIVATE_JWK: Final = re.compile(r'(?s)(?=.*"kty"\s*:).*"[dk]"\s*:\s*"')
_CREDENTIALS_IN_URL: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(
    r"^(?:proxy-)?authorization\s*:\s*(?:basic|bearer|dpop)\s+\S", re.IGNORECASE
)
_A_PROOF_LIVES: Final = 600.0


def refuse_secrets(arguments: Sequence[str], *, now: float | None = None) -> None:
    """Raises WrongUsage, without the secret in its text."""
    for at, argument in enumerate(arguments):
        if (what := _secret_in(argument, time.time() if now is None else now)) is not None:
            raise WrongUsage(
                f"argument {at + 1} {what}: other users of this machine see arguments, and the shell keeps them in"
                " its history. Nothing was done with it",
                f"replace that secret, because it is known now; then give {SOURCES}",
            )


def _secret_in(argument: str, now: float) -> str | None:
    if "PRIVATE KEY-----" in argument or _PRIVATE_JWK.search(argument):
        return "is a private key"
    if _CREDENTIALS_IN_URL.search(argument):
        return "is a URL with a password"
    if any(not _is_spent(found[0], now) for found in _COMPACT.finditer(argument)):
        return "has a JWT that may still be used"
    if _AUTHORIZATION.search(argument) or (
        _SECRET_OPTION.match(argument) and not _names_a_source(argument.partition("=")[2])
    ):
        return "has a secret as its value"
    return None


def _names_a_source(value: str) -> bool:
    return value in ("-", "ask") or value.startswith("env:") or "/" in value or "." in value


def _is_spent(compact: str, now: float) -> bool:
    """Whether nobody accepts this JWT any more, by its own unverified times. What cannot be read is not spent."""
    claims = _claims_in(compact)
    ends, issued = claims.get("exp"), claims.get("iat")
    if isinstance(ends, int | float):
        return ends < now
    return "htm" in claims and isinstance(issued, int | float) and issued + _A_PROOF_LIVES < now


def _claims_in(compact: str) -> dict[str, Any]:
    parts = compact.split(".")
    if len(parts) != 3:
        return {}  # encrypted
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
