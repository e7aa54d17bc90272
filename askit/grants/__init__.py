"""The grants of the token endpoint: one file each, named as on the wire.

A new grant is a new file with a `redeem`, and a line here.

Spec: RFC 6749 4.1.3, 4.4, 6; FAPI2-SP 5.3.2.1-2
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from askit.clients.client import Client
from fapikit.parameters import Parameters

if TYPE_CHECKING:
    from askit.core import Core


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """An authenticated request; `jkt` is the key of its proof, None where the profile needs none."""

    client: Client
    parameters: Parameters
    jkt: str | None


Redeem: TypeAlias = Callable[["Core", TokenRequest], Awaitable[dict[str, Any]]]


def grants() -> Mapping[str, Redeem]:
    """Each grant type with the function that answers it."""
    from askit.grants import authorization_code, client_credentials, refresh_token

    return {
        "authorization_code": authorization_code.redeem,
        "refresh_token": refresh_token.redeem,
        "client_credentials": client_credentials.redeem,
    }


NEVER: Final[Mapping[str, tuple[str, str]]] = {
    "password": ("FAPI2-SP 5.3.2.1-2", "the password grant does not exist: send the user here instead"),
    "implicit": ("RFC 9700 2.1.2", "the implicit grant does not exist: use the authorization code grant"),
}
"""Grants that will not come, with the clause that says so."""
