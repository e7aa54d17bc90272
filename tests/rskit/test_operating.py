"""Challenges to the letter, the decision trace, observing, readiness, start-up warnings, metadata."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from fapikit import MemoryStore, PrivateKeyJWT
from fapikit import errors as e
from fapikit.errors import StoreFull, StoreUnavailable
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import SIGNED_METADATA
from fapikit.jose.verify import verify_jwt
from fapikit.stores import Seal, SealedStore, SqliteStore
from rskit import Access, CannotDecide, Introspection, ResourceDescription, ResourceServer
from rskit.answers.challenge import describe
from rskit.health import Readiness
from rskit.observe import Observe
from rskit.revocation import Denylist
from rskit.testing import Mint
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.keys import a_key
from tests.rskit.mothers import (
    ISSUER,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    bound_token,
    decide,
    refused,
)
from tests.rskit.skins import SKINS

METADATA = f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'
ALGS = 'algs="ES256 Ed25519 EdDSA PS256"'


def challenges(view: Any, **settings: Any) -> list[str]:
    return [v for n, v in refused(a_server(**settings), view).headers if n == "www-authenticate"]


@pytest.mark.spec("RFC 9449 7.2b")
def test_the_error_stands_on_the_scheme_that_was_used():
    expired = 'error="invalid_token", error_description="this access token has expired"'
    bearer = challenges(a_view(f"Bearer {a_token(exp=1)}"), profile="fapi2-security")
    assert bearer == [f"Bearer {expired}, {METADATA}", f"DPoP {ALGS}, {METADATA}"]
    dpop = challenges(a_view(f"DPoP {a_token(exp=1)}"), profile="fapi2-security")
    assert dpop == [f"DPoP {expired}, {ALGS}, {METADATA}", f"Bearer {METADATA}"]
    nothing = challenges(a_view(), profile="fapi2-security")
    assert nothing == [f"DPoP {ALGS}, {METADATA}", f"Bearer {METADATA}"]


def test_only_schemes_that_policy_offers_are_offered():
    assert challenges(a_view(), profile="fapi2-security", bindings=["dpop"]) == [f"DPoP {ALGS}, {METADATA}"]
    assert challenges(a_view(), profile="fapi1-advanced") == [f"Bearer {METADATA}"]


def test_a_challenge_holds_registered_characters_only():
    assert describe('say "no"\\\r\n\x00é') == "say 'no''''''"
    for number in range(30):
        token = bytes([number * 7 % 127 + 1]).decode("latin-1") * 3
        for value in challenges(a_view(f"Bearer {token}")):
            assert re.fullmatch(r"[\x20-\x7e]+", value)


# --- the store ---


class BrokenStore(MemoryStore):
    def __init__(self, error: e.StoreError) -> None:
        super().__init__()
        self._error = error

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        raise self._error

    put = add  # type: ignore[assignment]


@pytest.mark.parametrize(
    "error, wait",
    [
        (StoreFull("full"), "5"),
        (StoreUnavailable("away"), "5"),
        (e.UnfitStore("evicts"), "5"),
        (e.StoreForgot("emptied", retry_after=80.2), "81"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_store_that_takes_no_mark_is_503_and_never_a_pass(error: e.StoreError, wait: str):
    server, token = a_server(store=BrokenStore(error)), bound_token()
    decision = decide(server, a_view(f"DPoP {token}", dpop=(a_proof(token),)))
    assert isinstance(decision, CannotDecide)
    assert dict(decision.headers)["retry-after"] == wait
    assert not server.readiness().ready


# --- the trace ---


def test_the_trace_says_why_and_shows_no_secret(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "rskit")
    token = bound_token(aud="https://other.example")
    proof = a_proof(token)
    server = a_server()
    caplog.clear()
    refused(server, a_view(f"DPoP {token}", dpop=(proof,)))
    (record,) = caplog.records
    assert record.rskit.reason == "WrongAudience"  # type: ignore[attr-defined]
    assert record.rskit.clause == "RFC 9068 4-4"  # type: ignore[attr-defined]
    assert "expected='https://api.example' got='https://other.example'" in caplog.text
    assert token not in caplog.text
    assert proof not in caplog.text


def test_no_client_makes_labels():
    server = a_server()
    for method in ("GET", "BREW\r\nX", "A" * 99):
        trace_of = refused(server, a_view(f"Bearer {a_token(exp=1)}", method=method))
        assert trace_of.status == 401


def test_reprs_show_no_token_and_no_key():
    server, token = a_server(profile="fapi2-security", nonces=b"secret-nonce-key" * 2), bound_token()
    assert server.nonces is not None
    view = a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=server.nonces.issue(NOW)),))
    found = allowed(server, view)
    shown = f"{found!r} {found} {server!r} {server._possession!r} {server._challenges!r} {server.nonces!r}"
    assert "alice" not in shown
    assert "secret-nonce-key" not in shown
    assert token[:30] not in shown


# --- observing ---


@pytest.fixture(params=sorted(SKINS))
def skin(request: pytest.FixtureRequest) -> Any:
    return SKINS[request.param]


DAY_AFTER = dt.datetime.fromtimestamp(NOW, dt.UTC).date() + dt.timedelta(days=1)


def test_observing_lets_would_be_refusals_through_and_says_so(skin: Any, caplog: pytest.LogCaptureFixture):
    clock = FrozenClock()
    server = a_server(clock=clock, observe=Observe(DAY_AFTER, "the mobile app follows next week"))
    call = skin(server, {"/accounts": {}, "/admin": {"scopes": ("admin",)}})
    headers = [("authorization", f"Bearer {a_token(exp=1)}")]
    assert call("GET", "/accounts").status == 200
    assert call("GET", "/accounts", headers).status == 200
    assert call("GET", "/admin", [("authorization", f"Bearer {a_token()}")]).status == 200
    assert caplog.text.count("observed, not enforced") == 3
    clock.advance(48 * 3600)
    assert call("GET", "/accounts").status == 401


def test_observing_never_excuses_a_bound_token(skin: Any):
    server = a_server(observe=Observe(DAY_AFTER, "because"))
    call = skin(server, {"/accounts": {}, "/admin": {"scopes": ("admin",)}})
    token = bound_token()
    bad = {
        "bearer": [("authorization", f"Bearer {token}")],
        "expired": [("authorization", f"Bearer {bound_token(exp=1)}")],
        "no proof": [("authorization", f"DPoP {token}")],
        "two tokens": [("authorization", f"Bearer {token}, Bearer {token}")],
    }
    for name, headers in bad.items():
        assert call("GET", "/accounts", headers).status in (400, 401), name
    proof = a_proof(token, url=f"{RESOURCE}/admin")
    assert call("GET", "/admin", [("authorization", f"DPoP {token}"), ("dpop", proof)]).status == 403


def test_observing_is_dated_reasoned_and_not_for_fapi():
    with pytest.raises(e.ConfigurationError, match="reason"):
        Observe(DAY_AFTER, " ")
    with pytest.raises(e.ForbiddenByProfile):
        a_server(observe=Observe(DAY_AFTER, "because"), profile="fapi2-security")
    with pytest.raises(e.ConfigurationError, match="ended"):
        a_server(observe=Observe(dt.date(2020, 1, 1), "long ago"))


# --- start-up ---


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_fapi_server_that_learns_of_no_revocation_says_so(caplog: pytest.LogCaptureFixture):
    (warning,) = a_server(profile="fapi2-security").warnings
    assert "does not learn of revocations" in warning
    assert warning in caplog.text
    asking = an_issuer(introspection=Introspection("api", PrivateKeyJWT(a_key())))
    assert a_server(profile="fapi2-security", issuers=[asking]).warnings == ()
    assert a_server(profile="fapi2-security", denylist=Denylist()).warnings == ()
    assert a_server(nonces=True).warnings == ()


@pytest.mark.spec("RFC 9449 11.1b")
@pytest.mark.parametrize("settings", [{}, {"nonces": False}, {"nonces": b"k" * 32}], ids=str)
@pytest.mark.parametrize("profile", ["oauth-2.1", "fapi2-security"])
def test_marks_of_one_process_are_worth_a_warning_wherever_proofs_go_to_several(
    profile: str, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    one_process = profile == "fapi2-security" and not settings  # there each process makes nonces of its own
    settings = {"profile": profile, "denylist": Denylist(), **settings}
    sealed = SealedStore(MemoryStore(), Seal([b"k" * 32]))
    refused = profile == "fapi2-security" and settings.get("nonces")  # a nonce key and no store
    for store in (MemoryStore(), sealed) if refused else (MemoryStore(), sealed, None):
        warnings = a_server(store=store, **settings).warnings
        if one_process and store is not None:
            assert warnings == ()
            continue
        (warning,) = warnings
        assert ("refuse one another's" if one_process else "each would accept a DPoP proof once") in warning
        assert warning in caplog.text


def test_a_shared_store_and_certificates_alone_are_worth_no_warning(tmp_path: Path):
    shared = SqliteStore(tmp_path / "marks.db")
    assert a_server(store=shared, nonces=b"k" * 32).warnings == ()
    assert a_server(store=SealedStore(shared, Seal([b"k" * 32]))).warnings == ()
    assert a_server(store=None, profile="fapi1-advanced", denylist=Denylist()).warnings == ()
    shared.close()


@pytest.mark.parametrize("face", ["sync", "async"])
def test_readiness_names_what_does_not_answer(face: str):
    def readiness(**settings: Any) -> Readiness:
        server = a_server(**settings)
        return server.readiness() if face == "sync" else asyncio.run(server.areadiness())

    assert readiness() == Readiness()
    assert readiness().ready
    found = readiness(store=BrokenStore(StoreUnavailable("away")))
    assert (found.ready, found.problems) == (False, ("store: away",))


# --- metadata ---


def metadata_of(**settings: Any) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(a_server(**settings).metadata)
    return members


@pytest.mark.spec("RFC 9728 2")
def test_metadata_follows_from_the_policy_in_force():
    assert metadata_of(profile="fapi2-security", bindings=["dpop"]) == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "Ed25519", "EdDSA", "PS256"],
        "dpop_bound_access_tokens_required": True,
    }
    both = metadata_of(profile="fapi2-security")
    assert both["tls_client_certificate_bound_access_tokens"] is True
    assert "dpop_bound_access_tokens_required" not in both


@pytest.mark.spec("RFC 9728 2.2")
def test_metadata_is_signed_where_a_key_is_given():
    key = a_key("ES256", 4)
    described = ResourceDescription(scopes=("accounts",), extra=(("resource_name", "Accounts"),), signer=key)
    members = metadata_of(description=described)
    flow = verify_jwt(
        members["signed_metadata"],
        SIGNED_METADATA,
        keys=KeySet([key.public_key]),
        algorithms={"ES256"},
        expected=Expected(issuer=RESOURCE, audience=(), now=NOW),
    )
    signed = Hand().run(flow).claims
    assert dict(signed) == {k: v for k, v in members.items() if k != "signed_metadata"} | {"iss": RESOURCE}
    assert signed["resource_name"] == "Accounts"
    with pytest.raises(e.ConfigurationError):
        metadata_of(description=ResourceDescription(extra=(("resource", "https://evil.example"),)))


@pytest.mark.spec("RFC 9728 3", "RFC 9728 3.1")
def test_the_well_known_part_goes_before_the_resource_s_path():
    server = a_server(resource="https://api.example/bank/v1")
    assert server.metadata_path == "/.well-known/oauth-protected-resource/bank/v1"
    sent = challenges(a_view(), resource="https://api.example/bank/v1")[0]
    assert 'resource_metadata="https://api.example/.well-known/oauth-protected-resource/bank/v1"' in sent
    for resource in ("http://api.example", "https://api.example#x", "api.example"):
        with pytest.raises(e.FapiError):
            a_server(resource=resource)


# --- CORS ---


def test_a_layer_further_out_is_told_what_pages_must_read(skin: Any):
    call = skin(a_server(), {"/accounts": {}})
    exposed = call("GET", "/accounts", [("origin", "https://app.example")]).header(
        "access-control-expose-headers"
    )
    assert exposed == "WWW-Authenticate, DPoP-Nonce, x-fapi-interaction-id"
    assert call("GET", "/accounts").header("access-control-expose-headers") is None


# --- for API teams ---


def test_the_mint_makes_what_passes_and_what_does_not(skin: Any):
    mint = Mint()
    server = mint.resource_server("https://api.example")
    call = skin(server, {"/accounts": {"scopes": ("accounts",)}})
    url = "https://api.example/accounts"
    assert call("GET", "/accounts", mint.headers("GET", url, scope="accounts").items()).status == 200
    assert call("GET", "/accounts", mint.headers("GET", url, scope="other").items()).status == 403
    assert (
        call("GET", "/accounts", mint.headers("GET", url, bound=False, scope="accounts").items()).status
        == 200
    )
    expired = mint.headers("GET", url, token=mint.token(lifetime=-60))
    assert call("GET", "/accounts", expired.items()).status == 401


def test_scope_is_asked_for_before_a_stronger_sign_in(skin: Any):
    call = skin(a_server(), {"/accounts": {"scopes": ("accounts",), "acr": "x"}})
    answer = call("GET", "/accounts", [("authorization", f"Bearer {a_token(scope='')}")])
    assert answer.json["error"] == "insufficient_scope"


def test_what_is_easily_mixed_up_is_named_at_construction():
    with pytest.raises(e.ConfigurationError, match=r"Issuer\(url\)"):
        ResourceServer(resource=RESOURCE, issuers=[ISSUER])  # type: ignore[list-item]
    with pytest.raises(e.ConfigurationError, match=r"Issuer\(url\)"):
        ResourceServer(resource=RESOURCE, issuers=ISSUER)  # type: ignore[arg-type]
    with pytest.raises(e.ConfigurationError, match=r"@Access\(\)"):
        Access(challenges)  # type: ignore[arg-type]
