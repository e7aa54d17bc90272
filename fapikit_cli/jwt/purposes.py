"""The kinds of JWTs, by the names that the command takes.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fapikit.jose import purposes as known
from fapikit.jose.purposes import Purpose
from fapikit_cli.failing import WrongUsage

PURPOSES: Final[Mapping[str, Purpose]] = MappingProxyType(
    {
        "access-token": known.ACCESS_TOKEN,
        "id-token": known.ID_TOKEN,
        "jarm": known.JARM_RESPONSE,
        "request-object": known.REQUEST_OBJECT,
        "ciba-request": known.AUTHENTICATION_REQUEST,
        "client-assertion": known.CLIENT_ASSERTION,
        "dpop-proof": known.DPOP_PROOF,
        "introspection": known.INTROSPECTION_RESPONSE,
        "logout-token": known.LOGOUT_TOKEN,
        "userinfo": known.USERINFO_RESPONSE,
        "signed-metadata": known.SIGNED_METADATA,
        "security-event": known.SECURITY_EVENT_TOKEN,
        "status-list": known.STATUS_LIST,
    }
)


def purpose_named(name: str) -> Purpose:
    """Raises WrongUsage."""
    if name not in PURPOSES:
        raise WrongUsage(f"there is no purpose {name}", f"give one of {', '.join(PURPOSES)}")
    return PURPOSES[name]


def name_of(kind: str) -> str | None:
    """The name of the purpose that is called `kind` in messages."""
    return next((name for name, purpose in PURPOSES.items() if purpose.name == kind), None)
