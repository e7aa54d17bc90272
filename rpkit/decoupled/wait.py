"""The wait for the decision of the user: polls by the rules, then tokens that are verified as after a login.

Of several processes that wait for the same request, one gets the tokens. The server sees to that. A mark in the store
also tells the others, so that none of them polls a request that has ended.

Spec: RFC 8628 3.4, 3.5c; CIBA 10.1a, 11a; RFC 9700 2.1d
Role: C
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from fapikit.errors import ConfigurationError, MessageError, StoreError, TransportError
from fapikit.flow import Flow, store_add, store_get
from rpkit.bank import Bank
from rpkit.decoupled.polling import Pause, poll
from rpkit.decoupled.request import DecoupledRequest
from rpkit.errors import DecoupledRequestError, ForeignTransaction, RequestEnded, WaitCancelled
from rpkit.login.asked import resource_asked_for
from rpkit.login.login import Login, login_of, report_token_response, verify_identity
from rpkit.login.report import Evidence, LoginReport
from rpkit.tokens.token_endpoint import TokenResponse

MARK_SLACK: Final = 60.0
"""In seconds: how much longer than the request its mark lives, for the clocks of other hosts."""


def wait(bank: Bank, request: DecoupledRequest, *, resource: str | None = None) -> Flow[Login]:
    """Wait until the user has decided. `resource`: the API of the first access token, as in `complete`.

    Raises RequestDenied, RequestExpired, RequestEnded, WaitCancelled; ConfigurationError, ForeignTransaction before the
    first poll; PeerRefused, TokenResponseError, JwtError, ClaimError; TransportError, StoreError.
    """
    _require_own(bank, request)
    resource = resource_asked_for(request, resource)

    def polls(pause: Pause | None) -> Flow[TokenResponse]:
        return poll(
            lambda: _redeem(bank, request, resource),
            clock=bank.settings.clock,
            expires_at=request.expires_at,
            interval=request.interval,
            cancelled=request.cancelled,
            pause=pause,
            clause=request.clause,
        )

    try:
        response = yield from request.obtain(bank, polls)
    except (DecoupledRequestError, MessageError, TransportError) as error:
        if not isinstance(error, RequestEnded | WaitCancelled):
            with suppress(StoreError):  # the error says more
                yield from _mark(bank, request)
        raise
    return (yield from complete_request(bank, request, response, resource=resource))


def complete_request(
    bank: Bank, request: DecoupledRequest, response: TokenResponse, *, resource: str | None
) -> Flow[Login]:
    """The login of a request that was approved, whichever way its tokens came.

    Raises RequestEnded if tokens were accepted for this request before; and what `wait` raises after the last poll.
    """
    report = LoginReport()
    report.passed("the user has decided on another device", request.clause)
    if response.received_at is not None:
        bank = bank.at(response.received_at)
    else:
        yield from _require_first(bank, request, report)
    report_token_response(request, response, report)
    id_token = yield from verify_identity(bank, request, response, report)
    request.verify(response, id_token, report)
    if (
        response.received_at is not None
    ):  # where the keys could not be fetched, the tokens can be read again: they are in the store
        yield from _require_first(bank, request, report)
    evidence = Evidence(
        request_object=request.request_object, id_token=None if id_token is None else id_token.jwt
    )
    return login_of(bank, request, response, id_token, report, resource=resource, evidence=evidence)


def _redeem(bank: Bank, request: DecoupledRequest, resource: str | None) -> Flow[TokenResponse]:
    """One poll. Raises RequestEnded instead if the request was answered before."""
    if (yield from store_get(bank.settings.store, _mark_of(request))) is not None:
        raise _ended(request)
    return (yield from request.redeem(bank, resource))


def _require_first(bank: Bank, request: DecoupledRequest, report: LoginReport) -> Flow[None]:
    """Mark the request as answered. A store that fails now must not lose the tokens: the server gives them once."""
    name = "first answer to this request"
    try:
        first = yield from _mark(bank, request)
    except StoreError as error:
        report.skipped(name, request.clause, f"the store did not answer: {error.message}")
        return
    if not first:
        raise _ended(request)
    report.passed(name, request.clause)


def _mark(bank: Bank, request: DecoupledRequest) -> Flow[bool]:
    ttl = max(request.expires_at - bank.now(), 0.0) + request.answer_kept + MARK_SLACK
    return (yield from store_add(bank.settings.store, _mark_of(request), b"1", ttl))


def _mark_of(request: DecoupledRequest) -> str:
    return f"rp:ended:{request.id}"


def _ended(request: DecoupledRequest) -> RequestEnded:
    return RequestEnded(
        "this request was answered before, here or in another process: begin a new one", clause=request.clause
    )


def _require_own(bank: Bank, request: DecoupledRequest) -> None:
    if not isinstance(request, DecoupledRequest):
        raise ConfigurationError(
            f"the argument of wait() is a {type(request).__name__}: give what device() or ciba() returned,"
            " or what open(...) of its class returned"
        )
    for name, own, other in (
        ("issuer", bank.issuer, request.issuer),
        ("client_id", bank.settings.client_id, request.client_id),
    ):
        if own != other:
            raise ForeignTransaction(
                f"this request has another {name} than this client: wait with the client that began it",
                facts={"expected": own, "got": other},
            )
