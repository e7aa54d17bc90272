"""Verified claims from askit to rpkit, over TLS: in a browser, on a device, on the phone, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import CLIENT_ID, REDIRECT_URI, RunningServer, running
from askit.pytest_plugin.visits import trusting
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError
from rpkit import Login, verified_claims_request
from rpkit.errors import AuthorizationRefused, WrongRequestedClaim
from tests.askit.plain_client import PlainClient
from tests.mothers.clients import KINDS, Clients
from tests.mothers.verified_claims import AML, ANSWER, EIDAS, REFUSED, WISH, changed, published

AGES = 1_000_000_000
"""Seconds: the data have dates, and this test runs in any year."""
ASKED = changed(WISH, "verification.time.max_age", AGES)
USERS = [
    {"username": "alice", "password": "wonderland", "verified_claims": [EIDAS, AML]},
    {"username": "bob", "password": "builder"},
]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    hosts = Hosts()
    yield hosts
    hosts.close()


@pytest.fixture(scope="module")
def bank(hosts: Hosts) -> Iterator[RunningServer[AuthorizationServer]]:
    with running({"users": USERS}, kind=AuthorizationServer, hosts=hosts) as server:
        yield server


Connect = Callable[[RunningServer[Any]], Any]


@pytest.fixture(params=KINDS)
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes a client of a bank, of one kind."""
    clients, made = Clients(request.param), []

    def make(bank: RunningServer[Any]) -> Any:
        made.append(
            clients.discover(
                bank.issuer,
                client_id=CLIENT_ID,
                auth=PrivateKeyJWT(bank.client_key),
                redirect_uri=bank.redirect_uri,
                http=bank.http(),
            )
        )
        return made[-1]

    yield make
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()
    clients.close()


def logged_in(client: Any, bank: RunningServer[Any], claims: Any, **who: str) -> Login:
    start = client.begin(scope="openid", claims=claims)
    login: Login = client.complete(bank.browse(start.url, **who), start.transaction)
    return login


@pytest.mark.spec("IDA 5.2", "IDA 5.3", "IDA 5.6", "IDA 7")
def test_a_customers_identity_is_asked_for_and_given(
    connect: Connect, bank: RunningServer[AuthorizationServer]
) -> None:
    client = connect(bank)
    aml = verified_claims_request(["place_of_birth"], trust_framework="de_aml", purpose="The law demands it")
    both = {"id_token": {"verified_claims": ASKED}, "userinfo": {"verified_claims": [ASKED, aml]}}
    login = logged_in(client, bank, both)
    assert login.id_token is not None
    assert login.id_token.claims["verified_claims"] == ANSWER
    info = client.userinfo(login)
    assert [verified.trust_framework for verified in info.verified_claims] == ["eidas", "de_aml"]
    assert info.verified_claims[1].claims == {"place_of_birth": {"country": "DE"}}
    assert published("verified_claims").is_valid(dict(info.claims))
    assert not [check for check in (*login.report, *info.report) if check.outcome == "noticed"]
    assert info.unmet == ()


@pytest.mark.spec("IDA 5.7.2", "IDA 5.7.4")
def test_what_the_bank_does_not_know_of_this_customer_is_reported(
    connect: Connect, bank: RunningServer[AuthorizationServer]
) -> None:
    client = connect(bank)
    login = logged_in(
        client, bank, {"userinfo": {"verified_claims": ASKED}}, username="bob", password="builder"
    )
    info = client.userinfo(login)
    assert info.verified_claims == ()
    assert info.unmet == ("verified_claims.claims.birthdate",)
    assert "nothing came that fits" in str(info.report)
    with pytest.raises(WrongRequestedClaim):
        logged_in(client, bank, {"id_token": {"verified_claims": ASKED}}, username="bob", password="builder")


@pytest.mark.spec("IDA 5.7.3")
def test_who_refuses_gives_nothing(connect: Connect, bank: RunningServer[AuthorizationServer]) -> None:
    client = connect(bank)
    with pytest.raises(AuthorizationRefused):
        logged_in(client, bank, {"userinfo": {"verified_claims": ASKED}}, decision="deny")


@pytest.mark.spec("IDA 8")
@pytest.mark.parametrize("method", ["begin", "device", "ciba"])
@pytest.mark.parametrize(
    ("path", "value", "member"),
    [
        ("verification.trust_framework", {"value": "gold"}, "trust_frameworks_supported"),
        ("claims.email", None, "claims_in_verified_claims_supported"),
        ("verification.evidence.0.document_details.type", {"value": "visa"}, "documents_supported"),
    ],
)
def test_what_the_bank_cannot_give_is_not_asked_for(
    connect: Connect,
    bank: RunningServer[AuthorizationServer],
    method: str,
    path: str,
    value: Any,
    member: str,
) -> None:
    claims = {"userinfo": {"verified_claims": changed(ASKED, path, value)}}
    hint = {"login_hint": "alice", "binding_message": "One"} if method == "ciba" else {}
    with pytest.raises(ConfigurationError) as refused:
        getattr(connect(bank), method)(scope="openid", claims=claims, **hint)
    assert refused.value.facts["member"] == member


@pytest.mark.spec("IDA 5.3")
def test_devices_and_phones_ask_too(connect: Connect, bank: RunningServer[AuthorizationServer]) -> None:
    client = connect(bank)
    claims = {"id_token": {"verified_claims": ASKED}}
    television = client.device(scope="openid", claims=claims)
    bank.decide_device(television.user_code)
    phone = client.ciba(scope="openid", claims=claims, login_hint="alice", binding_message="Till 4")
    bank.decide_ciba("Till 4")
    for request in (television, phone):
        login = client.wait(request)
        assert login.id_token.claims["verified_claims"] == ANSWER


@pytest.mark.spec("IDA 7")
def test_a_bank_that_says_too_much_is_not_heard(connect: Connect, hosts: Hosts) -> None:
    with running({"users": USERS}, kind=FaultyServer, hosts=hosts) as bank:
        for place in ("id_token", "userinfo"):
            bank.app.faults[place] = lambda claims: {**claims, "verified_claims": [EIDAS, EIDAS]}
        client = connect(bank)
        both = {"id_token": {"verified_claims": ASKED}, "userinfo": {"verified_claims": ASKED}}
        login = logged_in(client, bank, both)
        info = client.userinfo(login)
        for told, report in ((login.id_token, login.report), (info, info.report)):
            assert told is not None
            assert told.claims["verified_claims"] == [ANSWER, ANSWER]
            assert "came unasked" in str(report)
        bank.app.faults["id_token"] = lambda claims: {**claims, "verified_claims": [AML]}
        with pytest.raises(WrongRequestedClaim, match="trust_framework"):
            logged_in(client, bank, both)
        login = logged_in(client, bank, {})
        assert login.id_token is not None
        assert "verified_claims" not in login.id_token.claims
        assert client.userinfo(login).verified_claims == ()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.spec("IDA 5.3", "IDA 5.4", "IDA 5.5.2")
async def test_each_broken_request_is_refused_by_its_member_and_rule(
    bank: RunningServer[AuthorizationServer],
) -> None:
    tls = trusting(bank.ca)
    async with httpx.AsyncClient(verify=tls, base_url=bank.issuer, trust_env=False) as http:
        client = PlainClient(
            http, time.time, CLIENT_ID, bank.client_key, redirect_uri=REDIRECT_URI, issuer=bank.issuer
        )
        assert (
            await client.push(client.request(scope="openid", claims={"userinfo": {"verified_claims": ASKED}}))
        ).is_success
        for path, value, where, rule in REFUSED:
            claims = {"userinfo": {"verified_claims": changed(WISH, path, value)}}
            refused = await client.push(client.request(scope="openid", claims=claims))
            assert refused.status_code == 400, path
            error = refused.json()
            assert error["error"] == "invalid_request"
            assert f"claims.userinfo.verified_claims.{where} " in error["error_description"]
            assert rule in error["error_description"]
