"""The completion of a login: from the whole callback to verified tokens and a report of every check.

Spec: FAPI2-SP 5.3.3.2; OIDC 3.1.3.3, 3.1.3.7; RFC 6749 3.3, 5.1; RFC 9396 7
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.clauses import clause_in_force
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.secrets import Concealed, conceal
from rpkit.bank import Bank
from rpkit.errors import MissingIdToken
from rpkit.grants.authorization_code import exchange_code
from rpkit.login.callback import Callback, VerifiedCallback, verify_callback
from rpkit.login.hybrid import require_same_sign_in
from rpkit.login.id_token import IdToken, continuity_claims, verify_id_token
from rpkit.login.report import Evidence, LoginReport
from rpkit.login.transaction import Transaction
from rpkit.tokens.token_endpoint import TokenResponse
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set


@dataclass(frozen=True, slots=True)
class Login:
    """A user who signed in. `id_token` is None if the scope `openid` was not requested.

    `target`: the page of this site to show next, if another site initiated the login and named one (OIDC 4).
    """

    tokens: TokenSet
    id_token: IdToken | None
    report: LoginReport
    evidence: Evidence = field(repr=False)
    target: str | None = None


def complete(
    bank: Bank,
    callback: Concealed[Callback] | Callback,
    transaction: Transaction,
    *,
    resource: str | None = None,
) -> Flow[Login]:
    """Verify the callback, exchange its code for a token for `resource`, and verify the ID token.

    `resource` may be left out if `begin` named one resource or none.

    Raises, in the order of the checks: ConfigurationError, TransactionError, AuthorizationResponseError, JwtError,
    AuthorizationRefused, PeerRefused, TokenResponseError, ClaimError; TransportError and StoreError if a check cannot
    be made now.
    """
    callback = conceal(callback)
    _require_asked(transaction, resource)
    report = LoginReport()
    verified = yield from verify_callback(bank, callback, transaction, report)
    if resource is None and len(transaction.resources) == 1:
        resource = transaction.resources[0]
    response = yield from exchange_code(bank, verified, resource=resource)
    report.passed(
        "code exchanged with PKCE and the client's credentials",
        clause_in_force("FAPI2-SP 5.3.3.2-3", bank.profile),
    )
    if transaction.dpop is not None:
        report.passed("access token is bound to the key of this login", "RFC 9449 5c")
    elif response.x5t_s256 is not None:
        report.passed(
            "access token was requested over mutual TLS, to be bound to the certificate", "RFC 8705 3a"
        )
    else:
        report.skipped("access token is bound", "RFC 9700 2.2.1", "sender_constraint is None")
    for line in response.borne:
        report.borne("token response", "RFC 6749 5.1", line)
    id_token = yield from _identity(bank, verified, response, report)
    if verified.id_token is not None and id_token is not None:
        require_same_sign_in(verified.id_token, id_token, report)
    _compare_grant(transaction, response, report)
    now = bank.now()
    tokens = first_token_set(
        response.access_token_at(now, resource=resource, scope=transaction.scope),
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=None if id_token is None else id_token.subject,
        refresh_token=response.refresh_token,
        dpop=transaction.dpop,
        id_token_claims={} if id_token is None else continuity_claims(id_token.claims),
        further_members=response.further_members,
        received_at=now,
    )
    evidence = Evidence(
        request_object=transaction.request_object,
        authorization_response=verified.artefact,
        id_token=None if id_token is None else id_token.jwt,
    )
    return Login(tokens, id_token, report, evidence, transaction.target)


def _require_asked(transaction: Transaction, resource: str | None) -> None:
    if not isinstance(transaction, Transaction):
        raise ConfigurationError(
            f"the second argument of complete() is a {type(transaction).__name__}: give start.transaction, or what"
            " Transaction.open(...) returned"
        )
    if resource is None and len(transaction.resources) > 1:
        # Raised before the code is used: without a resource some servers would issue one token for all of them.
        raise ConfigurationError(
            "several resources were requested: set resource= to the one that the first token is for",
            clause="RFC 8707 2.2",
            facts={"asked": " ".join(transaction.resources)},
        )
    if resource is not None and transaction.resources and resource not in transaction.resources:
        raise ConfigurationError(
            f"the resource {resource} was not requested: use one of those that begin() got as resources",
            clause="RFC 8707 2.2",
            facts={"resource": resource, "asked": " ".join(transaction.resources)},
        )


def _identity(
    bank: Bank, verified: VerifiedCallback, response: TokenResponse, report: LoginReport
) -> Flow[IdToken | None]:
    transaction, token = verified.transaction, response.unverified_id_token
    if "openid" not in transaction.scope.split():
        report.skipped("ID token", "OIDC 3.1.2.1", "the scope openid was not requested")
        return None
    if token is None:
        raise MissingIdToken("the scope openid was requested, and the token response has no id_token")
    return (
        yield from verify_id_token(
            bank,
            token,
            transaction,
            access_token=response.access_token,
            report=report,
        )
    )


def _compare_grant(transaction: Transaction, response: TokenResponse, report: LoginReport) -> None:
    """Report where the server granted less or other than was requested. The application decides what follows."""
    asked = set(transaction.scope.split())
    granted = asked if response.scope is None else set(response.scope.split())
    for scopes, word in ((asked - granted, "not granted"), (granted - asked, "granted without request")):
        if scopes:
            detail = f"{word}{_where(transaction)}: {' '.join(sorted(scopes))}"
            report.noticed("scope", "RFC 6749 3.3", detail)
    if granted == asked:
        report.passed("scope is as requested", "RFC 6749 3.3")
    _compare_details(transaction, response, report)


def _compare_details(transaction: Transaction, response: TokenResponse, report: LoginReport) -> None:
    asked = transaction.authorization_details
    if not asked:
        return
    if response.authorization_details is None:
        report.noticed(
            "authorization_details", "RFC 9396 7", f"not in the token response{_where(transaction)}"
        )
        return
    granted = response.authorization_details
    missing = [str(detail["type"]) for detail in asked if not any(_covers(g, detail) for g in granted)]
    if missing:
        report.noticed(
            "authorization_details",
            "RFC 9396 7",
            f"not granted as requested{_where(transaction)}: {' '.join(missing)}",
        )
    else:
        report.passed("authorization_details are as requested", "RFC 9396 7")
    unasked = [str(g["type"]) for g in granted if not any(g["type"] == a["type"] for a in asked)]
    if unasked:
        report.noticed("authorization_details", "RFC 9396 7", f"granted without request: {' '.join(unasked)}")


def _where(transaction: Transaction) -> str:
    """A hint for several resources: what the first token lacks may be in the token for another resource."""
    return " in the token for the first of several resources" if len(transaction.resources) > 1 else ""


def _covers(granted: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a granted detail has every requested member. The server may add members (RFC 9396 7)."""
    return all(name in granted and granted[name] == value for name, value in asked.items())
