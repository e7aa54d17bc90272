"""A bank that tells an API and a fintech what ends, a user's browser at it, and its receivers' HTTP clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx

from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import API_CLIENT_ID, RESOURCE, RunningServer, running
from askit.pytest_plugin.visitor import visit, walk
from fapikit import PrivateKeyJWT
from fapikit.signals.event_types import PUSH
from rpkit import Client, Login, TokenSet

Bank = RunningServer[AuthorizationServer]
SIGNALS: Mapping[str, Any] = {
    "receivers": [{"client_id": API_CLIENT_ID, "resources": [RESOURCE]}, {"client_id": "test-client"}]
}
API_CLIENT: Mapping[str, Any] = {
    "client_id": API_CLIENT_ID,
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
}
SETTINGS: Mapping[str, Any] = {
    "profile": "oauth-2.1",
    "shared_signals": SIGNALS,
    "clients": [API_CLIENT],
}


@contextmanager
def a_bank(hosts: Hosts, clock: MovableClock | None = None, **settings: Any) -> Iterator[Bank]:
    own = {} if clock is None else {"clock": clock}
    with running({**SETTINGS, **settings}, kind=AuthorizationServer, hosts=hosts, **own) as server:
        yield server


@contextmanager
def client_of(bank: Bank, client_id: str = "test-client") -> Iterator[Client]:
    key = bank.api_key if client_id == API_CLIENT_ID else bank.client_key
    with Client.discover(
        bank.issuer,
        client_id=client_id,
        auth=PrivateKeyJWT(key),
        redirect_uri=bank.redirect_uri,
        profile="oauth-2.1",
        sender_constraint=None,
        http=bank.http(),
    ) as client:
        yield client


def token_for(bank: Bank, scope: str = "ssf.manage", client_id: str = API_CLIENT_ID) -> str:
    with client_of(bank, client_id) as client:
        tokens = client.client_credentials(scope=scope)
        return str(tokens.access_token_for(None).reveal())


class Receiver:
    """A receiver of the bank, as it manages its stream."""

    def __init__(self, bank: Bank, client_id: str = API_CLIENT_ID, scope: str = "ssf.manage") -> None:
        self.bank = bank
        headers = {"authorization": f"Bearer {token_for(bank, scope, client_id)}"}
        self.http = httpx.Client(verify=bank.http().tls, headers=headers, timeout=30)
        self.metadata = self.http.get(f"{bank.issuer}/.well-known/ssf-configuration").json()

    def create(self, **members: Any) -> httpx.Response:
        return self.http.post(self.metadata["configuration_endpoint"], json=members)

    def push_to(self, url: str, header: str = "Bearer push-secret") -> dict[str, Any]:
        made = self.create(delivery={"method": PUSH, "endpoint_url": url, "authorization_header": header})
        assert made.status_code == 201, made.text
        stream: dict[str, Any] = made.json()
        return stream

    def read(self, stream_id: str | None = None) -> httpx.Response:
        query = {} if stream_id is None else {"stream_id": stream_id}
        return self.http.get(self.metadata["configuration_endpoint"], params=query)

    def send(self, method: str, endpoint: str, members: Any = None, **query: str) -> httpx.Response:
        return self.http.request(method, self.metadata[endpoint], json=members, params=query)

    def poll(self, stream: Mapping[str, Any], **members: Any) -> httpx.Response:
        wish = {"returnImmediately": True, **members}
        return self.http.post(stream["delivery"]["endpoint_url"], json=wish)

    def close(self) -> None:
        self.http.close()


class Browser:
    """A user's browser at the bank, which stays."""

    def __init__(self, bank: Bank, username: str = "alice", password: str = "wonderland") -> None:
        self.bank = bank
        self.username = username
        self.password = password
        self.http = httpx.Client(verify=bank.http().tls, trust_env=False)

    def sign_in(self, client: Client, **request: Any) -> TokenSet:
        tokens: TokenSet = self.log_in(client, **request).tokens
        return tokens

    def log_in(self, client: Client, **request: Any) -> Login:
        given = {"scope": "openid accounts", "resources": [RESOURCE], **request}
        start = client.begin(**given)
        steps = walk(
            start.url,
            issuer=self.bank.issuer,
            username=self.username,
            password=self.password,
            pin="",
            decision="approve",
        )
        callback = visit(self.http, steps)
        return client.complete(callback, start.transaction, resource=RESOURCE)

    def sign_in_at_the_bank(self) -> None:
        """On the page of grants: no client signs anybody in."""
        page = self.http.get(f"{self.bank.issuer}/grants")
        fields = {**_hidden(page.text), "username": self.username, "password": self.password}
        done = self.http.post(f"{self.bank.issuer}/login", data=fields)
        assert done.status_code == 303, done.text

    def sign_out(self) -> None:
        page = self.http.get(f"{self.bank.issuer}/end_session")
        assert page.status_code == 200, page.text
        done = self.http.post(f"{self.bank.issuer}/logout", data=_hidden(page.text))
        assert done.status_code == 200, done.text

    def close(self) -> None:
        self.http.close()


def _hidden(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


def text_of(tokens: TokenSet) -> str:
    return str(tokens.access_token_for(RESOURCE).reveal())
