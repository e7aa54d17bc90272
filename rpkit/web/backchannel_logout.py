"""A server that tells us, behind the browser's back, that a user has signed out there: believed if its token holds.

What to end then is the application's: its own sessions of that user, or the one with this `sid`. Being told twice ends
nothing more, so a token that a server repeats (its answer was lost) is as good as the first time, until it is too old.

Spec: OIDC Back-Channel Logout 1.0, sections 2.4 to 2.8; RFC 8725 3.11, 3.12
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from fapikit.errors import MalformedClaim, MalformedMessage, MissingClaim
from fapikit.flow import Flow
from fapikit.jose.purposes import LOGOUT_TOKEN
from fapikit.parameters import Parameters, parse_parameters
from fapikit.secrets import Concealed, conceal
from rpkit.bank import Bank
from rpkit.server_jwt import verify_server_jwt

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE: Final = 300.0
"""Seconds since `iat`. A server makes the token for this very call."""
_CLAUSE: Final = "OIDC Back-Channel Logout 2.6"


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Who has signed out at the server: one session (`session_id`, an ID token's `sid`), or without it `subject`."""

    issuer: str
    subject: str | None
    session_id: str | None


def read_logout(
    bank: Bank, form: Concealed[bytes | Mapping[str, str]] | bytes | Mapping[str, str]
) -> Flow[LoggedOut]:
    """`form`: what the server posted, as its octets or parsed.

    Raises MalformedMessage, the JwtError that fits; TransportError if the server's keys cannot be had now.
    """
    form = conceal(form)
    token = _parsed(form.reveal()).secret("logout_token")
    if token is None:
        raise MalformedMessage("there is no logout_token", clause="OIDC Back-Channel Logout 2.5")
    algorithms = bank.algorithms(
        bank.settings.id_token_signed_response_alg, "id_token_signing_alg_values_supported"
    )
    decryption = bank.decryption("id_token")
    if decryption is not None:
        decryption = replace(decryption, required=False)  # a logout token may be encrypted as ID tokens are
    verified = yield from verify_server_jwt(
        bank, token, LOGOUT_TOKEN, algorithms=algorithms, max_age=MAX_AGE, decryption=decryption
    )
    claims = verified.claims
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LOGOUT_TOKEN.fail(
            MalformedClaim,
            "events does not say that it is a logout",
            clause=_CLAUSE,
            facts={"claim": "events"},
        )
    subject, session_id = _text(claims, "sub"), _text(claims, "sid")
    if subject is None and session_id is None:
        raise LOGOUT_TOKEN.fail(
            MissingClaim, "the logout token names neither user nor session", clause=_CLAUSE
        )
    return LoggedOut(bank.issuer, subject, session_id)


def _parsed(form: bytes | Mapping[str, str]) -> Parameters:
    return parse_parameters(form if isinstance(form, bytes) else urlencode(form))


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None or (isinstance(value, str) and value):
        return value
    raise LOGOUT_TOKEN.fail(
        MalformedClaim, f"{name} is not a string with something in it", clause=_CLAUSE, facts={"claim": name}
    )
