"""What a client does at the certification suite: sign in, ask who it is, call the accounts API once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import FapiError
from fapikit.base64url import decode, encode
from tests.keys import a_key, mint
from tests.mothers.fake_bank import RS256_KID, FakeBank

Hook = Callable[[Any], Any]


def walk(client: Any, bank: FakeBank, **asked: Any) -> Any:
    """The whole way; returns the API's answer and leaves the login at `client_login`."""
    start = client.begin(**{"scope": "openid accounts", **asked})
    login = client.complete(bank.authorize(start.url), start.transaction)
    client.userinfo(login)
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        return api.get(bank.api_path)


def refused(
    client: Any, bank: FakeBank, error: type[FapiError], clause: str, *, after: str, **asked: Any
) -> FapiError:
    """The walk ends with this error and clause, and after the faulty artefact nothing but keys is fetched.

    `after`: the endpoint whose answer carried the artefact, or "callback" for one that the browser brought.
    """
    with pytest.raises(error) as caught:
        walk(client, bank, **asked)
    assert caught.value.clause == clause, caught.value
    later = bank.called_after(after)
    assert later <= {"jwks"}, f"called after the faulty artefact: {later}"
    return caught.value


def with_one_more(name: str) -> Hook:
    """The right value with a character appended, so that comparing prefixes is not enough."""
    return lambda members: {**members, name: f"{members[name]}1"}


def with_value(name: str, value: Any) -> Hook:
    return lambda members: {**members, name: value}


def without(name: str) -> Hook:
    return lambda members: {key: value for key, value in members.items() if key != name}


def expired(claims: dict[str, Any]) -> dict[str, Any]:
    """Six minutes ago."""
    issued = claims.get("iat", claims["exp"] - 300)
    return {**claims, "iat": issued, "exp": issued - 360}


def also_meant_for_another(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "aud": [claims["aud"], f"{claims['aud']}1"]}


def flipped_signature(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{encode(bytes(octet ^ 0x5A for octet in decode(signature)))}"


def unsigned(token: str) -> str:
    return ".".join((encode(b'{"alg":"none"}'), token.split(".")[1], ""))


def signed_with_rs256(token: str) -> str:
    """Validly signed, by a key that the bank publishes, with an algorithm that FAPI does not allow."""
    return mint(decode(token.split(".")[1]), a_key("RS256", 1), header={"kid": RS256_KID})
