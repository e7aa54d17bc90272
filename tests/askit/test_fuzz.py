"""Whatever is sent, the answer is a refusal, never a failure of the server."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any
from urllib.parse import urlencode

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askit.users.sessions import cookie_name
from tests.askit.bank import Bank
from tests.askit.ciba.asking import PING, SIGNING, Asking, a_bank
from tests.askit.decoupled.television import DEVICE_CODE, TELEVISION
from tests.askit.plain_client import PAYMENT, PlainClient
from tests.keys import mint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "response_type",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "acr_values",
        "prompt",
        "login_hint",
        "claims",
        "max_age",
        "authorization_details",
        "resource",
        "request",
        "request_uri",
        "client_id",
    ]
)
FORM_NAMES = st.sampled_from(
    [
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
        "resource",
        "client_id",
        "client_secret",
        "token",
        "client_assertion",
        "client_assertion_type",
        "authorization_details",
        "csrf",
        "username",
        "password",
        "decision",
        "user_code",
        "device_code",
        "holds",
        "request_uri",
        "id_token_hint",
        "post_logout_redirect_uri",
        "state",
    ]
)
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def _bank(profile: str) -> Bank:
    return Bank(profile=profile)


def _status(bank: Bank, *calls: tuple[str, str, dict[str, Any]]) -> list[int]:
    async def send() -> list[int]:
        transport = httpx.ASGITransport(app=bank.server)
        async with httpx.AsyncClient(transport=transport, base_url=bank.config.issuer) as http:
            return [(await http.request(method, path, **how)).status_code for method, path, how in calls]

    return asyncio.run(send())


def _form(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "content": urlencode(pairs),
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    }


def _client(bank: Bank, client_id: str = "fintech") -> PlainClient:
    return PlainClient(http=httpx.AsyncClient(), clock=bank.clock, client_id=client_id)


@EXAMPLES
@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_a_pushed_request_with_odd_values(odd: dict[str, Any]) -> None:
    bank = _bank("fapi2-security")
    client = _client(bank)
    members = {**client.request(authorization_details=[PAYMENT]), **odd, **client.authentication()}
    pairs = [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in members.items()
        if not (isinstance(value, str) and not value.isascii())
    ]
    assert _status(bank, ("POST", "/par", _form(pairs)))[0] in (201, 400, 401)


@EXAMPLES
@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_a_request_object_with_odd_claims(odd: dict[str, Any]) -> None:
    bank = _bank("fapi2-message-signing")
    client = _client(bank)
    signed = client.request_object(response_mode="jwt", claims={"authorization_details": [PAYMENT], **odd})
    pairs = [("request", signed), *client.authentication().items()]
    assert _status(bank, ("POST", "/par", _form(pairs)))[0] in (201, 400, 401)


@cache
def _bank_with_a_television() -> Bank:
    return a_bank(TELEVISION)


@EXAMPLES
@given(st.dictionaries(NAMES, JSON, max_size=5), st.text(max_size=12))
def test_a_device_with_odd_values(odd: dict[str, Any], code: str) -> None:
    bank = _bank_with_a_television()
    client = _client(bank, "television")
    members = {"scope": "openid accounts", **odd, **client.authentication()}
    pairs = [
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in members.items()
    ]
    poll = [("grant_type", DEVICE_CODE), ("device_code", code), *client.authentication().items()]
    started, polled, page = _status(
        bank,
        ("POST", "/device_authorization", _form(pairs)),
        ("POST", "/token", _form(poll)),
        ("GET", "/device", {"params": {"user_code": code}}),
    )
    assert started in (200, 400, 401)
    assert polled == 400
    assert page in (200, 400, 429)  # the form; no such code; too many of them


@cache
def _asked_bank(*, signed: bool) -> Bank:
    return a_bank(SIGNING if signed else PING)


ASKED = st.sampled_from(
    [
        "scope",
        "login_hint",
        "login_hint_token",
        "id_token_hint",
        "binding_message",
        "user_code",
        "requested_expiry",
        "acr_values",
        "resource",
        "authorization_details",
        "client_notification_token",
        "request_context",
        "iss",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "sub",
        "client_id",
    ]
)


@EXAMPLES
@given(st.dictionaries(ASKED, JSON, max_size=5), st.booleans())
def test_an_authentication_request_with_odd_values(odd: dict[str, Any], signed: bool) -> None:
    bank = _asked_bank(signed=signed)
    asked = Asking(_client(bank))
    form = {"request": asked.signed(claims=odd)} if signed else {**asked.request(), **odd}
    members = {**form, **asked.client.authentication()}
    pairs = [
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in members.items()
    ]
    status = _status(bank, ("POST", "/backchannel_authentication", _form(pairs)))[0]
    assert status in (200, 400, 401, 403, 413)


@EXAMPLES
@given(st.lists(st.tuples(FORM_NAMES, st.text(max_size=30)), max_size=6))
def test_forms_of_odd_fields(pairs: list[tuple[str, str]]) -> None:
    bank = _bank("oauth-2.1")
    paths = (
        "/token",
        "/par",
        "/introspect",
        "/revoke",
        "/login",
        "/decision",
        "/grants/end",
        "/logout",
        "/end_session",
        "/authorize",
        "/backchannel_authentication",
        "/device_authorization",
        "/device",
        "/device/confirm",
    )
    for status in _status(bank, *(("POST", path, _form(pairs)) for path in paths)):
        assert 300 <= status < 500


@EXAMPLES
@given(JSON, st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit"]), JSON, max_size=3))
def test_odd_proofs_and_assertions(claims: Any, header: dict[str, Any]) -> None:
    bank = _bank("fapi2-security")
    odd = mint(json.dumps(claims).encode(), header=header)
    client = _client(bank)
    pairs = list(client.authentication(odd).items())
    headers = {"content-type": "application/x-www-form-urlencoded", "dpop": odd}
    calls = (
        (
            "POST",
            "/token",
            {"content": urlencode([*pairs, ("grant_type", "refresh_token")]), "headers": headers},
        ),
        ("POST", "/par", _form(pairs)),
        ("GET", "/userinfo", {"headers": {"authorization": f"DPoP {odd}", "dpop": odd}}),
    )
    for status in _status(bank, *calls):
        assert 400 <= status < 500


MEMBERS = st.sampled_from(
    [
        "redirect_uris",
        "jwks",
        "jwks_uri",
        "grant_types",
        "client_name",
        "scope",
        "response_types",
        "token_endpoint_auth_method",
        "contacts",
        "default_max_age",
        "authorization_details_types",
    ]
)


@EXAMPLES
@given(st.dictionaries(MEMBERS, JSON, max_size=4))
def test_registrations_with_odd_members(odd: dict[str, Any]) -> None:
    bank = _opened()
    headers = {"authorization": "Bearer open", "content-type": "application/json"}
    status = _status(bank, ("POST", "/register", {"content": json.dumps(odd), "headers": headers}))[0]
    assert status in (201, 400)


@cache
def _opened() -> Bank:
    return Bank(initial_access_token="open")


@EXAMPLES
@given(
    st.sampled_from(["client_id", "id_token_hint"]),
    st.text(max_size=60),
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=255), max_size=40),
)
def test_odd_queries_and_cookies(name: str, query: str, cookie: str) -> None:
    bank = _bank("fapi2-security")
    headers = [(b"cookie", f"{cookie_name(bank.server)}={cookie}".encode("latin-1"))]
    paths = ("/authorize", "/interaction", "/grants", "/end_session")
    for status in _status(
        bank, *(("GET", path, {"params": {name: query}, "headers": headers}) for path in paths)
    ):
        assert status in (200, 400)
