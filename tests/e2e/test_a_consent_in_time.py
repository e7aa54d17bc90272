"""One consent at a real bank, its grant refreshed day after day: it pays once, as long as anything can present it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RESOURCE, RunningServer, running
from examples.books import Books
from fapikit import PrivateKeyJWT, SqliteStore
from fapikit.dpop import make_proof
from fapikit.flow import run_pure
from rpkit import Client, TokenSet
from rpkit.errors import GrantEnded
from rskit import ConsentLedger, DetailsType, Issuer, ResourceServer
from wsgi_mw import Protect
from wsgi_mw.flask import Access, use_consent

HOUR = 3600.0
ORDER = {
    "instructedAmount": {"currency": "EUR", "amount": "1000.00"},
    "creditorName": "Shop",
    "creditorAccount": {"iban": "DE02120300000000202051"},
}
PAYMENT = DetailsType("payment_initiation", executed=tuple(ORDER), decimals=("instructedAmount.amount",))

Pay = Callable[[TokenSet, str], int]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def bank(clock: MovableClock) -> Iterator[RunningServer[AuthorizationServer]]:
    with running({"dpop_nonces": False}, clock=clock, kind=AuthorizationServer) as server:
        yield server


@pytest.fixture
def pay(bank: RunningServer[AuthorizationServer], clock: MovableClock, tmp_path: Path) -> Iterator[Pay]:
    """The status of a payment with these tokens, under this key; each one at an API that has just been started."""
    books = Books(tmp_path / "books.db")
    started: list[Any] = []

    def start() -> Any:
        store = SqliteStore(tmp_path / "marks.db", clock=clock)
        app = flask.Flask("payments")

        @app.post("/payments")
        @Access("payments", details=lambda request: PAYMENT.needed(request.get_json()))
        def payments() -> Any:
            return use_consent(books.pay), 201

        server = ResourceServer(
            resource=RESOURCE,
            issuers=[Issuer(bank.issuer)],
            profile="fapi2-security",
            nonces=False,
            http=bank.http(),
            clock=clock,
            store=store,
            consents=ConsentLedger(store, reconcile=books.find),
        )
        started.extend((store, server))
        app.wsgi_app = Protect(app.wsgi_app, server)  # type: ignore[method-assign]
        return app.test_client()

    def send(tokens: TokenSet, key: str) -> int:
        token = tokens.access_token_for(RESOURCE).reveal()
        assert tokens.dpop is not None
        proof = make_proof(
            tokens.dpop.private,
            method="POST",
            url=f"{RESOURCE}payments",
            now=clock(),
            jti=f"{key}-{len(started)}",
            access_token=token,
        )
        headers = {"Authorization": f"DPoP {token}", "DPoP": run_pure(proof), "Idempotency-Key": key}
        return int(start().post("/payments", json=ORDER, headers=headers).status_code)

    yield send
    for opened in started:
        opened.close()


@pytest.mark.spec("RFC 9396 9")
def test_it_pays_once_however_often_its_tokens_are_renewed(
    bank: RunningServer[AuthorizationServer], clock: MovableClock, pay: Pay
) -> None:
    client = Client.discover(
        bank.issuer,
        client_id=bank.client_id,
        auth=PrivateKeyJWT(bank.client_key),
        redirect_uri=bank.redirect_uri,
        http=bank.http(),
        clock=clock,
    )
    details = [{"type": "payment_initiation", **ORDER}]
    login = bank.signed_in(
        client, scope="openid payments", resources=[RESOURCE], authorization_details=details
    )
    tokens: TokenSet = login.tokens
    assert [pay(tokens, "key-1"), pay(tokens, "key-1"), pay(tokens, "key-2")] == [201, 201, 409]
    hours = [25.0, 24.0, 24.0 * 30, 24.0 * 57]
    for day, wait in enumerate(hours):
        clock.advance(wait * HOUR)
        tokens = client.refresh(tokens, resource=RESOURCE)
        assert [pay(tokens, "key-1"), pay(tokens, f"later-{day}")] == [201, 409], (
            f"after {hours[: day + 1]} hours"
        )
    clock.advance(90 * 24 * HOUR - sum(hours) * HOUR)
    with pytest.raises(GrantEnded):
        client.refresh(tokens, resource=RESOURCE)
    assert pay(tokens, "key-1") == 401
    client.close()
