"""Back-channel logout: the server posts a logout token, which says that a user has signed out there.

The application then ends its own sessions of that user, or the session with this `sid`. A repeated logout token (the
response to the first one was lost) ends nothing more, so it is accepted until it is too old.

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
from fapikit.jose.claims import has_value
from fapikit.jose.purposes import LOGOUT_TOKEN
from fapikit.parameters import Parameters, parse_parameters
from fapikit.secrets import Concealed, conceal
from rpkit.bank import Bank
from rpkit.server_jwt import verify_server_jwt

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE: Final = 300.0
"""In seconds since `iat`. A server makes the token for this one call."""
_CLAUSE: Final = "OIDC Back-Channel Logout 2.6"


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """What ended at the server: the session `session_id` (the `sid` of an ID token), or all sessions of `subject`."""

    issuer: str
    subject: str | None
    session_id: str | None


def read_logout(
    bank: Bank, form: Concealed[bytes | Mapping[str, str]] | bytes | Mapping[str, str]
) -> Flow[LoggedOut]:
    """Verify a logout token. `form`: the form that the server posted, as octets or parsed.

    Raises MalformedMessage, the JwtError of the failed check; TransportError if the keys cannot be fetched now.
    """
    form = conceal(form)
    token = _parsed(form.reveal()).secret("logout_token")
    if token is None:
        raise MalformedMessage("the form has no logout_token", clause="OIDC Back-Channel Logout 2.5")
    algorithms = bank.algorithms(
        bank.settings.id_token_signed_response_alg, "id_token_signing_alg_values_supported"
    )
    decryption = bank.decryption("id_token")
    if decryption is not None:
        decryption = replace(
            decryption, required=False
        )  # a logout token may be encrypted like the ID tokens, or not
    verified = yield from verify_server_jwt(
        bank, token, LOGOUT_TOKEN, algorithms=algorithms, max_age=MAX_AGE, decryption=decryption
    )
    claims = verified.claims
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LOGOUT_TOKEN.fail(
            MalformedClaim,
            f"events of the logout token has no member {EVENT}",
            clause=_CLAUSE,
            facts={"claim": "events"},
        )
    subject, session_id = _text(claims, "sub"), _text(claims, "sid")
    if subject is None and session_id is None:
        raise LOGOUT_TOKEN.fail(MissingClaim, "the logout token has neither sub nor sid", clause=_CLAUSE)
    return LoggedOut(bank.issuer, subject, session_id)


def _parsed(form: bytes | Mapping[str, str]) -> Parameters:
    return parse_parameters(form if isinstance(form, bytes) else urlencode(form))


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    if not has_value(claims, name):
        return None
    value = claims[name]
    if isinstance(value, str):
        return value
    raise LOGOUT_TOKEN.fail(
        MalformedClaim,
        f"{name} of the logout token is not a string",
        clause=_CLAUSE,
        facts={"claim": name},
    )
