"""A push: the token response that the server sent by itself, and what its ID token must say about it.

Spec: CIBA 5, 10.3.1, 10.3.1a, 10.3.1b, 12
Role: C
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fapikit.errors import MissingClaim
from fapikit.http_message import HttpResponse
from fapikit.jose.purposes import ID_TOKEN
from fapikit.secrets import Secret
from rpkit.bank import Bank
from rpkit.decoupled.notifications import Notification
from rpkit.errors import WrongAuthReqId
from rpkit.login.hashes import require_hash
from rpkit.login.id_token import IdToken
from rpkit.login.report import LoginReport
from rpkit.tokens.token_endpoint import TokenResponse, granted_tokens

AUTH_REQ_ID: Final = "urn:openid:params:jwt:claim:auth_req_id"
RT_HASH: Final = "urn:openid:params:jwt:claim:rt_hash"


def read_pushed(
    bank: Bank, notification: Notification, *, bound: bool, scope: str | None, x5t_s256: str | None
) -> TokenResponse:
    """The tokens of a push, as of the time when it came. Raises PeerRefused, TokenResponseError."""
    response = HttpResponse(
        200, (("content-type", "application/json"),), notification.octets, f"{bank.issuer} (push)"
    )
    tokens = granted_tokens(bank, response, bound=bound, asked_scope=scope)
    further = {name: value for name, value in tokens.further_members.items() if name != "auth_req_id"}
    return replace(tokens, further_members=further, received_at=notification.received_at, x5t_s256=x5t_s256)


def verify_pushed(
    auth_req_id: Secret, response: TokenResponse, id_token: IdToken, report: LoginReport
) -> None:
    """That the ID token belongs to this request and to these tokens. Raises MissingClaim, WrongHash, WrongAuthReqId."""
    clause = "CIBA 10.3.1b"
    require_hash(id_token, "at_hash", response.access_token, clause=clause, report=report)
    if response.refresh_token is not None:
        require_hash(id_token, RT_HASH, response.refresh_token, clause=clause, report=report)
    named = id_token.claims.get(AUTH_REQ_ID)
    if named is None:
        raise ID_TOKEN.fail(
            MissingClaim,
            f"the ID token of the push has no {AUTH_REQ_ID}",
            clause=clause,
            facts={"claim": AUTH_REQ_ID},
        )
    if not isinstance(named, str) or not auth_req_id.matches(named):
        raise WrongAuthReqId(
            "the ID token of the push is about another request", facts={"claim": AUTH_REQ_ID}
        )
    report.passed(f"ID token: {AUTH_REQ_ID}", clause)
