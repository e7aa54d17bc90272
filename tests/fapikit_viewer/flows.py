"""Whole flows between rpkit, askit and a protected API, recorded by everybody who takes part."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask
import httpx
import pytest

from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import REDIRECT_URI, RESOURCE, RunningServer, running
from askit.server import AuthorizationServer
from fapikit import PrivateKeyJWT
from fapikit.errors import FapiError
from fapikit.urns import CIBA
from fapikit_viewer import Party, Recorder, Recording
from rpkit import Client
from rskit import Introspection, Issuer, ResourceServer
from tests.rpkit.decoupled.naps import naps_at
from wsgi_mw import Protect
from wsgi_mw.flask import Access, current_token

API = "https://api.example.test"
CERTIFIED = {
    "client_id": "test-client",
    "redirect_uris": [REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token", CIBA],
    "response_types": ["code", "code id_token"],
    "backchannel_token_delivery_mode": "poll",
    "backchannel_authentication_request_signing_alg": "ES256",
    "request_object_signing_alg": "ES256",
    "token_endpoint_auth_method": "private_key_jwt",
    "tls_client_certificate_bound_access_tokens": True,
}


@dataclass
class Shown:
    """The socket of a client that has shown a certificate."""

    certificate: bytes

    def getpeercert(self, binary: bool) -> bytes:
        return self.certificate


class Flow:
    """One recorded bank, its client and an API, and what they do together."""

    def __init__(
        self,
        bank: RunningServer[AuthorizationServer],
        clock: MovableClock,
        options: Mapping[str, Any],
        *,
        certified: bool,
    ) -> None:
        assert bank.recording is not None
        self.bank = bank
        self.profile = bank.app.config.profile
        self.certificate = bank.self_signed_certificate if certified else None
        self.client = Client.discover(
            bank.issuer,
            client_id=bank.client_id,
            auth=PrivateKeyJWT(bank.client_key),
            redirect_uri=bank.redirect_uri,
            profile=self.profile,
            http=bank.http(self.certificate),
            clock=clock,
            **options,
        )
        self.rs = Recorder(bank.recording, Party("accounts", "rs", "Accounts API", (API,)))
        app = flask.Flask("accounts")
        app.get("/accounts")(Access("accounts")(lambda: {"of": current_token.subject, "balance": "12.50"}))
        app.post("/payments")(Access("payments")(dict))
        asked = Introspection(auth=PrivateKeyJWT(bank.api_key), client_id=bank.api_client_id)
        self.server = ResourceServer(
            resource=RESOURCE,
            issuers=[Issuer(bank.issuer, introspection=asked)],
            profile="oauth-2.1" if certified else self.profile,
            http=self.rs.http(bank.http()),
            clock=clock,
        )
        app.wsgi_app = Protect(app.wsgi_app, self.server)  # type: ignore[method-assign]
        self.app = self.rs.wsgi(app)

    def call(self, tokens: Any) -> list[int]:
        """One call that passes, and one that the token does not cover."""
        transport = httpx.WSGITransport(app=self._shown)
        with self.client.api(tokens, base_url=RESOURCE, transport=transport) as api:
            return [
                api.get("/accounts").status_code,
                api.post("/payments", json={"amount": "12.00"}).status_code,
            ]

    def _shown(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The API, to which the client has shown its certificate, if it has one."""
        if self.certificate is not None:
            environ["gunicorn.socket"] = Shown(base64.b64decode(self.certificate.jwk_x5c[0]))
        return self.app(environ, start_response)

    def end(self, tokens: Any) -> None:
        """Revoke the tokens, and learn that they are worthless."""
        self.client.revoke(tokens)
        with pytest.raises(FapiError):
            self.client.refresh(tokens)

    def login(self, **asked: Any) -> Any:
        return self.bank.signed_in(self.client, scope="openid accounts", resources=[RESOURCE], **asked)

    def close(self) -> None:
        self.client.close()
        self.server.close()


Play = Callable[[Flow, Any], Any]


def by_browser(flow: Flow, _naps: Any) -> Any:
    return flow.login(claims={"id_token": {"auth_time": {"essential": True}}})


def by_device(flow: Flow, naps: Any) -> Any:
    device = flow.client.device(scope="openid accounts", resources=[RESOURCE])
    naps.meanwhile = lambda nap: flow.bank.decide_device(device.user_code) if nap == 2 else None
    return flow.client.wait(device)


def by_phone(flow: Flow, naps: Any) -> Any:
    asked = flow.client.ciba(
        scope="openid accounts", resources=[RESOURCE], login_hint="alice", binding_message="W-4711"
    )
    naps.meanwhile = lambda nap: flow.bank.decide_ciba("W-4711") if nap == 2 else None
    return flow.client.wait(asked)


FLOWS: dict[str, tuple[Play, str, dict[str, Any], bool]] = {
    "fapi2": (by_browser, "fapi2-security", {}, False),
    "message signing": (by_browser, "fapi2-message-signing", {"signed": True}, False),
    "device": (by_device, "fapi2-security", {}, False),
    "ciba": (by_phone, "fapi-ciba", {"signed": True, "sender_constraint": "mtls"}, True),
    "fapi1": (
        by_browser,
        "fapi1-advanced",
        {"signed": True, "sender_constraint": "mtls", "response_type": "code id_token"},
        True,
    ),
}


@contextmanager
def recorded(
    name: str, recording: Recording, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Flow, Any]]:
    """The flow of that name, played up to its login."""
    play, profile, options, certified = FLOWS[name]
    clock = MovableClock()
    clock.freeze()
    settings: dict[str, Any] = {"profile": profile, "polling_interval": 5}
    if certified:
        settings["clients"] = [CERTIFIED]
    with running(settings, clock=clock, kind=AuthorizationServer, hosts=hosts, recording=recording) as bank:
        given = {key: value for key, value in options.items() if key != "signed"}
        if options.get("signed"):
            given["request_signer"] = bank.client_key
        flow = Flow(bank, clock, given, certified=certified)
        try:
            yield flow, play(flow, naps_at(clock, monkeypatch))
        finally:
            flow.close()
