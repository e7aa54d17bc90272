"""The completion of a login: from the whole callback to verified tokens and a report of every check.

Spec: FAPI2-SP 5.3.3.2; RFC 8707 2.2
Role: C
"""

from __future__ import annotations

from fapikit.clauses import clause_in_force
from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.secrets import Concealed, conceal
from rpkit.bank import Bank
from rpkit.grants.authorization_code import exchange_code
from rpkit.login.asked import resource_asked_for
from rpkit.login.callback import Callback, VerifiedCallback, verify_callback
from rpkit.login.hybrid import require_same_sign_in
from rpkit.login.login import Login, login_of, report_token_response, verify_identity
from rpkit.login.report import Evidence, LoginReport
from rpkit.login.transaction import Transaction


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
    _require_transaction(transaction)
    resource = resource_asked_for(transaction, resource)
    report = LoginReport()
    verified = yield from verify_callback(bank, callback, transaction, report)
    return (yield from complete_verified(bank, verified, report, resource=resource))


def complete_verified(
    bank: Bank, verified: VerifiedCallback, report: LoginReport, *, resource: str | None
) -> Flow[Login]:
    """Exchange the code of a verified callback, and verify the ID token. `resource`: of `resource_asked_for`."""
    transaction = verified.transaction
    response = yield from exchange_code(bank, verified, resource=resource)
    report.passed(
        "code exchanged with PKCE and the client's credentials",
        clause_in_force("FAPI2-SP 5.3.3.2-3", bank.profile),
    )
    report_token_response(transaction, response, report)
    id_token = yield from verify_identity(bank, transaction, response, report)
    if verified.id_token is not None and id_token is not None:
        require_same_sign_in(verified.id_token, id_token, report)
    evidence = Evidence(
        request_object=transaction.request_object,
        authorization_response=verified.artefact,
        id_token=None if id_token is None else id_token.jwt,
    )
    return login_of(
        bank,
        transaction,
        response,
        id_token,
        report,
        resource=resource,
        evidence=evidence,
        target=transaction.target,
    )


def _require_transaction(transaction: Transaction) -> None:
    if not isinstance(transaction, Transaction):
        raise ConfigurationError(
            f"the second argument of complete() is a {type(transaction).__name__}: give start.transaction, or what"
            " Transaction.open(...) returned"
        )
