"""An issuer that is asked about its tokens, and what it answers; valid unless a test changes one thing."""

from __future__ import annotations

from typing import Any

from fapikit import PrivateKeyJWT
from fapikit.http_message import HttpResponse
from rskit import Introspection, Issuer
from tests.clocks import NOW
from tests.hands import answer
from tests.keys import a_key
from tests.rskit.mothers import AS_KEY, ISSUER, RESOURCE

METADATA = answer(
    {"issuer": ISSUER, "introspection_endpoint": f"{ISSUER}/introspect", "jwks_uri": f"{ISSUER}/jwks"}
)
JWKS = answer({"keys": [dict(AS_KEY.public_jwk)]})
OPAQUE = "2YotnFZFEjr1zCsicMWpAA"


def asking(**settings: Any) -> Issuer:
    return Issuer(
        ISSUER, introspection=Introspection("the-api", PrivateKeyJWT(a_key("ES256", 3)), **settings)
    )


def members(**changes: Any) -> dict[str, Any]:
    """Members of an answer about an active token; a change to None removes one."""
    given = {
        "active": True,
        "aud": RESOURCE,
        "sub": "alice",
        "scope": "accounts",
        "exp": int(NOW) + 300,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def says(**changes: Any) -> HttpResponse:
    return answer(members(**changes))
