"""A login that is complete: what the token response brought, verified and compared with what was asked for.

Every way to ask a user ends here: the browser that came back, or a decision that was made on another device.

Spec: OIDC 3.1.3.3, 3.1.3.7; RFC 6749 3.3, 5.1; RFC 9396 7
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.flow import Flow
from rpkit.bank import Bank
from rpkit.errors import MissingIdToken
from rpkit.login.asked import Asked
from rpkit.login.grant_management import report_grant, scope_at_most
from rpkit.login.id_token import IdToken, continuity_claims, verify_id_token
from rpkit.login.report import Evidence, LoginReport
from rpkit.tokens.granted_details import covers
from rpkit.tokens.token_endpoint import TokenResponse
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set


@dataclass(frozen=True, slots=True)
class Login:
    """A user who signed in. `id_token` is None if the scope `openid` was not requested.

    `target`: the page of this site to show next, if another site initiated the login and named one (OIDC 4).
    `requested_claims`: the `claims` parameter of the request, with which UserInfo is compared.
    """

    tokens: TokenSet
    id_token: IdToken | None
    report: LoginReport
    evidence: Evidence = field(repr=False)
    target: str | None = None
    requested_claims: Mapping[str, Any] | None = field(default=None, repr=False)


def verify_identity(
    bank: Bank, asked: Asked, response: TokenResponse, report: LoginReport
) -> Flow[IdToken | None]:
    """The ID token, or None if `openid` was not requested. Raises MissingIdToken, and those of `verify_id_token`."""
    if "openid" not in asked.scope.split():
        report.skipped("ID token", "OIDC 3.1.2.1", "the scope openid was not requested")
        return None
    if response.unverified_id_token is None:
        raise MissingIdToken("the scope openid was requested, and the token response has no id_token")
    return (
        yield from verify_id_token(
            bank, response.unverified_id_token, asked, access_token=response.access_token, report=report
        )
    )


def login_of(
    bank: Bank,
    asked: Asked,
    response: TokenResponse,
    id_token: IdToken | None,
    report: LoginReport,
    *,
    resource: str | None,
    evidence: Evidence,
    target: str | None = None,
) -> Login:
    """The login with its first token set. The report says where less or other was granted than was requested."""
    _compare_grant(asked, response, report)
    report_grant(asked, response, report)
    now = bank.now()
    tokens = first_token_set(
        response.access_token_at(now, resource=resource, scope=asked.scope),
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=None if id_token is None else id_token.subject,
        refresh_token=response.refresh_token,
        dpop=asked.dpop,
        id_token_claims={} if id_token is None else continuity_claims(id_token.claims),
        further_members=response.further_members,
        grant_id=response.grant_id,
        received_at=now,
    )
    return Login(tokens, id_token, report, evidence, target, asked.claims)


def report_token_response(asked: Asked, response: TokenResponse, report: LoginReport) -> None:
    """What the access token is bound to, and the deviations of the token response that were tolerated."""
    if asked.dpop is not None:
        report.passed("access token is bound to the key of this login", "RFC 9449 5c")
    elif response.x5t_s256 is not None:
        report.passed(
            "access token was requested over mutual TLS, to be bound to the certificate", "RFC 8705 3a"
        )
    else:
        report.skipped("access token is bound", "RFC 9700 2.2.1", "sender_constraint is None")
    for line in response.borne:
        report.borne("token response", "RFC 6749 5.1", line)


def _compare_grant(asked: Asked, response: TokenResponse, report: LoginReport) -> None:
    """Report where the server granted less or other than was requested. The application decides what follows."""
    wanted = set(asked.scope.split())
    granted = wanted if response.scope is None else set(response.scope.split())
    unasked = granted - wanted if scope_at_most(asked) is not None else set()
    for scopes, word in ((wanted - granted, "not granted"), (unasked, "granted without request")):
        if scopes:
            detail = f"{word}{_where(asked)}: {' '.join(sorted(scopes))}"
            report.noticed("scope", "RFC 6749 3.3", detail)
    if wanted <= granted and not unasked:
        report.passed("scope is as requested", "RFC 6749 3.3")
    _compare_details(asked, response, report)


def _compare_details(asked: Asked, response: TokenResponse, report: LoginReport) -> None:
    wanted = asked.authorization_details
    if not wanted:
        return
    if response.authorization_details is None:
        report.noticed("authorization_details", "RFC 9396 7", f"not in the token response{_where(asked)}")
        return
    granted = response.authorization_details
    missing = [str(detail["type"]) for detail in wanted if not any(covers(g, detail) for g in granted)]
    if missing:
        report.noticed(
            "authorization_details",
            "RFC 9396 7",
            f"not granted as requested{_where(asked)}: {' '.join(missing)}",
        )
    else:
        report.passed("authorization_details are as requested", "RFC 9396 7")
    unasked = [str(g["type"]) for g in granted if not any(g["type"] == a["type"] for a in wanted)]
    if unasked:
        report.noticed("authorization_details", "RFC 9396 7", f"granted without request: {' '.join(unasked)}")


def _where(asked: Asked) -> str:
    """A hint for several resources: what the first token lacks may be in the token for another resource."""
    return " in the token for the first of several resources" if len(asked.resources) > 1 else ""
