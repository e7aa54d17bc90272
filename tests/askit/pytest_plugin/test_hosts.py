"""One host serves bank after bank: nothing of one is left in the next, and no test waits for a thread."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, FapiError
from rpkit import Client


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with closing(Hosts()) as hosts:
        yield hosts


def a_bank(hosts: Hosts, **settings: Any) -> Any:
    return running(settings, kind=AuthorizationServer, hosts=hosts)


def an_http(bank: RunningServer[Any]) -> httpx.Client:
    return httpx.Client(verify=bank.http().tls or True, base_url=bank.issuer, trust_env=False)


def a_client(bank: RunningServer[Any]) -> Client:
    return Client.discover(
        bank.issuer,
        client_id=bank.client_id,
        auth=PrivateKeyJWT(bank.client_key),
        redirect_uri=bank.redirect_uri,
        http=bank.http(),
    )


def test_the_next_bank_has_the_issuer_and_the_thread_of_the_last(hosts: Hosts) -> None:
    with a_bank(hosts) as first:
        threads = threading.active_count()
    with a_bank(hosts) as second:
        assert (second.issuer, second.ca) == (first.issuer, first.ca)
        assert threading.active_count() == threads
        assert second.app is not first.app


def test_the_next_bank_has_none_of_the_keys_and_users_of_the_last(hosts: Hosts) -> None:
    keys = []
    for name in ("alice", "bob"):
        users = [{"username": name, "password": "wonderland"}]
        with a_bank(hosts, users=users) as bank, an_http(bank) as http, a_client(bank) as client:
            keys += [key["kid"] for key in http.get("/jwks").json()["keys"]]
            start = client.begin(scope="openid")
            login = client.complete(bank.browse(start.url, username=name), start.transaction)
            assert login.id_token.claims["sub"] == name
            start = client.begin(scope="openid")
            with pytest.raises(AssertionError, match="refused the password"):
                bank.browse(start.url, username={"alice": "bob", "bob": "alice"}[name])
    assert len(set(keys)) == len(keys) > 1


def test_a_refresh_token_of_the_last_bank_is_worth_nothing(hosts: Hosts) -> None:
    with a_bank(hosts) as first, a_client(first) as client:
        start = client.begin(scope="openid accounts")
        tokens = client.complete(first.browse(start.url), start.transaction).tokens
        same = [{"client_id": first.client_id, "token_endpoint_auth_method": "private_key_jwt"}]
        key = first.client_key
    own = {"redirect_uris": [first.redirect_uri], "grant_types": ["authorization_code", "refresh_token"]}
    clients = [{**same[0], **own, "jwks": {"keys": [dict(key.public_jwk)]}}]
    with a_bank(hosts, clients=clients) as second:
        second.client_key = key
        with a_client(second) as client, pytest.raises(FapiError, match=r"invalid_grant|refresh"):
            client.refresh(tokens)


def test_a_client_of_the_last_test_reaches_no_bank(hosts: Hosts) -> None:
    with ExitStack() as stack:
        with a_bank(hosts) as bank:
            http = stack.enter_context(an_http(bank))
            assert http.get("/jwks").status_code == 200
        assert http.get("/jwks").status_code == 503, "between two tests"


def test_two_banks_at_one_time_have_two_hosts(hosts: Hosts) -> None:
    with a_bank(hosts) as one, a_bank(hosts) as other:
        assert one.issuer != other.issuer
        for bank in (one, other):
            with an_http(bank) as http:
                document = http.get("/.well-known/oauth-authorization-server").json()
                assert document["issuer"] == bank.issuer


def test_another_way_of_serving_is_another_host_and_comes_back(hosts: Hosts) -> None:
    with a_bank(hosts) as usual:
        pass
    for _ in range(2):
        with a_bank(hosts, limits={"parameters": 7}) as small, an_http(small) as http:
            assert small.issuer != usual.issuer
            query = "&".join(f"p{n}=1" for n in range(9))
            assert http.get(f"/authorize?{query}").status_code == 400
    with a_bank(hosts) as again:
        assert again.issuer == usual.issuer


def test_a_bank_that_cannot_be_leaves_the_host_free(hosts: Hosts) -> None:
    with a_bank(hosts) as usual:
        pass
    with pytest.raises(ConfigurationError, match="profil"), a_bank(hosts, profile="no-such-profile"):
        pass
    with a_bank(hosts) as again:
        assert again.issuer == usual.issuer
        assert re.fullmatch(r"https://localhost:\d+", again.issuer)
