"""Security events of a transmitter, signed by hand, each good unless a test changes one thing."""

from __future__ import annotations

import itertools
from typing import Any

from fapikit import PrivateKey
from fapikit.jose.key_set import KeySet
from fapikit.secrets import Secret
from fapikit.signals.event_types import SESSION_REVOKED
from fapikit.signals.transmitters import Transmitter
from tests.clocks import NOW
from tests.keys import a_key, mint

BANK = "https://as.example"
AUDIENCE = "https://api.example/events"
KEY = a_key("ES256", 1)
AUTHORIZATION = "Bearer a-secret-of-the-stream"
ALICE = {"format": "iss_sub", "iss": BANK, "sub": "alice"}
OF_SESSION = {"format": "complex", "user": ALICE, "session": {"format": "opaque", "id": "s1"}}
_jtis = itertools.count()


def a_transmitter(**changes: Any) -> Transmitter:
    given = {
        "issuer": BANK,
        "audience": AUDIENCE,
        "keys": KeySet([KEY.public_key]),
        "push_authorization": Secret(AUTHORIZATION),
    }
    return Transmitter(**{**given, **changes})


def event_claims(**changes: Any) -> dict[str, Any]:
    """A change to None removes a claim. `event`, `members`: the type and the members of its only event."""
    kind = changes.pop("event", SESSION_REVOKED)
    members = changes.pop("members", {"event_timestamp": int(NOW)})
    claims: dict[str, Any] = {
        "iss": BANK,
        "aud": AUDIENCE,
        "iat": int(NOW),
        "jti": f"e{next(_jtis)}",
        "sub_id": OF_SESSION,
        "events": {kind: members},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def an_event(
    key: PrivateKey = KEY,
    *,
    typ: str | None = "secevent+jwt",
    alg: str | None = None,
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    return mint(event_claims(**changes), key, typ=typ, alg=alg, header=header)
