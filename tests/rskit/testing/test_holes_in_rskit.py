"""Holes in rskit itself, made by wrong settings or by taking a check out, are named too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from asgi_mw import protect as asgi_protect
from fapikit.dpop import NonceIssuer, check
from fapikit.jose import claims as jose_claims
from fapikit.jose import purposes
from rskit import resource_server
from rskit.access import Access
from rskit.observe import Observe
from rskit.possession import confirmation, credentials
from rskit.tokens import cache, jwt
from rskit.tokens import claims as token_claims
from rskit.tokens.token import Confirmation
from tests.clocks import NOW
from tests.rskit.testing.guarded import Guarded
from tests.rskit.testing.planted.planting import names

Spoil = Callable[[pytest.MonkeyPatch], None]
TOMORROW = dt.datetime.fromtimestamp(NOW, dt.UTC).date() + dt.timedelta(days=1)


def taken_out(module: Any, name: str, instead: Any = lambda *_, **__: None) -> Spoil:
    return lambda monkeypatch: monkeypatch.setattr(module, name, instead)


def no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    select = jwt._select

    def believing(*arguments: Any) -> Any:
        known = select(*arguments)
        return None if known is None else known._replace(verify=lambda *_: True)

    monkeypatch.setattr(jwt, "_select", believing)


def read_first_value(view: Any) -> Any:
    return credentials.read_credentials(view._replace(query="", authorization=view.authorization[:1]))


def first_proof_alone(proofs: Any, **more: Any) -> Any:
    return check.check_proof(proofs[:1], **more)


PATCHES: list[tuple[str, Spoil, tuple[str, ...]]] = [
    (
        "the signature",
        no_signature,
        ("another key under the same kid", "claims altered after signing"),
    ),
    (
        "the audience",
        taken_out(jose_claims, "check_audience"),
        ("a token with an empty audience", "a token for another API"),
    ),
    (
        "the times",
        taken_out(jose_claims, "check_times"),
        ("a token that expired twenty minutes ago", "a token of the future"),
    ),
    (
        "the typ",
        taken_out(purposes.Purpose, "accepts_typ", lambda *_: True),
        ("a request object", "a status list", "a JARM response with all claims of a token"),
    ),
    (
        "possession",
        taken_out(resource_server, "confirm"),
        ("no proof", "a proof of another key"),
    ),
    (
        "the scope",
        taken_out(Access, "require"),
        ("a token without the scope", "a token with another scope of this API"),
    ),
    (
        "the certificate",
        taken_out(confirmation, "require_certificate"),
        ("a token bound to a certificate that is not shown",),
    ),
    (
        "the time of proofs",
        taken_out(check, "MAX_AGE", 3000.0),
        ("a proof of half an hour ago", "a proof of ten minutes ago"),
    ),
    (
        "the time ahead of proofs",
        taken_out(check, "MAX_AHEAD", 1000.0),
        ("a proof of ten minutes ahead",),
    ),
    (
        "the end in the cache",
        taken_out(cache.AcceptedToken, "speaks", lambda *_: True),
        ("a token that expires while it is remembered",),
    ),
    (
        "the number of headers",
        taken_out(resource_server, "read_credentials", read_first_value),
        ("two Authorization headers", "a second token in the URL"),
    ),
    (
        "the number of proofs",
        taken_out(confirmation, "check_proof", first_proof_alone),
        ("two proofs", "two proofs, the forged one last"),
    ),
    (
        "nonces",
        taken_out(NonceIssuer, "accepts", lambda *_: True),
        ("a proof with a made-up nonce",),
    ),
    (
        "strangers",  # whose requests the endpoints' own Access still refuses
        taken_out(asgi_protect.Protect, "_admit"),
        ("a websocket without a token",),
    ),
]


@pytest.mark.parametrize(
    ("spoil", "found"), [patch[1:] for patch in PATCHES], ids=[patch[0] for patch in PATCHES]
)
def test_a_check_that_is_taken_out_is_noticed(
    spoil: Spoil, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    spoil(monkeypatch)
    report = Guarded("asgi", profile="oauth-2.1", nonces="nonce" in found[0]).scan()
    assert set(found) <= set(names(report)), report.text()


def test_a_binding_that_is_not_read_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(token_claims, "read_confirmation", lambda _: Confirmation())
    report = Guarded("asgi", profile="oauth-2.1").scan(bound=False)
    assert {"a bound token as a bearer token", "a token with an empty cnf"} <= set(names(report)), (
        report.text()
    )


SETTINGS: list[tuple[dict[str, Any], bool, tuple[str, ...]]] = [
    ({"origins": ["https://evil.example"]}, True, ("a proof for another host",)),
    (
        {"observe": Observe(TOMORROW, "the old app is replaced by then")},
        False,
        ("no token", "a token for another API"),
    ),
]


@pytest.mark.parametrize(("settings", "bound", "found"), SETTINGS, ids=["origins", "observe"])
@pytest.mark.parametrize("skin", ["asgi", "wsgi"])
def test_a_setting_that_opens_the_door_is_noticed(
    settings: dict[str, Any], bound: bool, found: tuple[str, ...], skin: str
):
    report = Guarded(skin, **{"profile": "oauth-2.1", **settings}).scan(bound=bound)
    assert set(found) <= set(names(report)), report.text()


def test_a_door_that_is_closed_to_http_alone_is_noticed():
    guarded = Guarded("asgi", profile="fapi2-security")
    protected, naked = guarded.send.app, guarded.send.app.inner

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (naked if scope["type"] == "websocket" else protected)(scope, receive, send)

    guarded.send.app = app
    assert "a websocket without a token" in names(guarded.scan())


def test_a_revocation_that_a_cache_hides_is_noticed():
    guarded = Guarded("wsgi", profile="fapi2-security", opaque=True)
    guarded.reach["revoke"] = guarded.mint.revoke  # and the resource server is told nothing
    assert names(guarded.scan()) == ["a token that was revoked"]
