"""A token that was seen before is recognised, and the check is left out only where it could not refuse anything."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import asgi_mw
from asgi_mw.recognised import RecognisedRequest
from asgi_mw.starlette import Access
from fapikit import PrivateKeyJWT
from fapikit import errors as e
from fapikit.http_message import HttpResponse
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN
from rskit import Introspection, Issuer, ResourceServer, StatusLists
from rskit import errors as rs
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.possession.credentials import bearer_digest
from rskit.revocation import Denylist
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.keys import a_key
from tests.rskit.introspecting import METADATA, asking, says
from tests.rskit.mothers import (
    AS_KEY,
    ISSUER,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    bound_token,
)
from tests.rskit.tokens.test_status_lists import a_list, status

KEYS = KeySet([AS_KEY.public_key])
LOCAL_JWTS = Introspection("the-api", PrivateKeyJWT(a_key("ES256", 3)), local_jwts=True)

Changes = dict[str, Any]


class Door:
    """An API behind Protect. `call` returns the status and the headers; `checked` is what the app found."""

    def __init__(self, server: ResourceServer, **options: Any) -> None:
        self.server = server
        self.checked: CheckedRequest | None = None
        self.access: Access | None = None
        self._app = asgi_mw.Protect(self._api, server, **options)

    async def _api(self, scope: Any, _receive: Any, send: Any) -> None:
        self.checked = scope[KEY]
        if self.access is not None:
            try:
                self.checked.require(self.access)
            except e.FapiError as error:
                self.checked.refuse(error)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept", "headers": []})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def call(self, token: str, *more: tuple[bytes, bytes], **changes: Any) -> tuple[int, dict[bytes, bytes]]:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/accounts",
            "raw_path": b"/accounts",
            "query_string": b"",
            "headers": [(b"host", b"api.example"), (b"authorization", b"Bearer " + token.encode()), *more],
            **changes,
        }
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nobody waits for a body")

        self.checked = None
        asyncio.run(self._app({k: v for k, v in scope.items() if v is not None}, receive, send))
        return sent[0].get("status", 101), dict(sent[0]["headers"])

    @property
    def was_recognised(self) -> bool:
        return type(self.checked) is RecognisedRequest


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def door(clock: FrozenClock) -> Door:
    return Door(a_server(clock=clock))


@pytest.fixture
def token(door: Door) -> str:
    """One that the API has seen, and would recognise."""
    token = a_token()
    assert door.call(token)[0] == 200
    assert not door.was_recognised
    assert door.call(token)[0] == 200
    assert door.was_recognised
    return token


def test_the_app_and_the_client_see_no_difference(door: Door):
    token = a_token()
    first, second = (door.call(token)[1] for _ in range(2))
    assert door.was_recognised
    assert first.keys() == second.keys() == {b"x-fapi-interaction-id"}
    assert first != second
    fresh = Door(a_server(clock=door.server.clock))
    fresh.call(token)
    assert door.checked is not None
    assert fresh.checked is not None
    assert door.checked.token == fresh.checked.token
    assert door.checked.view._replace(interaction_id=None) == fresh.checked.view._replace(interaction_id=None)


def test_the_log_and_the_answer_of_a_refusal_have_one_interaction_id(
    door: Door, token: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "rskit")
    door.access = Access("admin")
    answered, headers = door.call(token)
    assert door.was_recognised
    assert answered == 403
    (trace,) = [record.__dict__["rskit"] for record in caplog.records if "refused" in record.message]
    assert headers[b"x-fapi-interaction-id"].decode() == trace.interaction_id


ANOTHER_LOOK: dict[str, tuple[tuple[tuple[bytes, bytes], ...], Changes]] = {
    "a proof": (((b"dpop", b"x"),), {}),
    "an interaction id": (((b"x-fapi-interaction-id", b"93bac548-d2de-4546-b106-880a5018460d"),), {}),
    "an origin": (((b"origin", b"https://pages.example"),), {}),
    "a query": ((), {"query_string": b"page=2"}),
    "no raw path": ((), {"raw_path": None}),
}


@pytest.mark.parametrize("name", ANOTHER_LOOK)
@pytest.mark.parametrize("order", [1, -1])
def test_a_request_with_anything_else_that_is_looked_at_is_checked_whole(
    door: Door, token: str, name: str, order: int
):
    more, changes = ANOTHER_LOOK[name]
    sent = [(b"authorization", b"Bearer " + token.encode()), *more][::order]
    answered, headers = door.call(token, **{"headers": sent, **changes})
    assert answered == 200
    assert not door.was_recognised
    if name == "an interaction id":
        assert headers[b"x-fapi-interaction-id"] == more[0][1]


REFUSED: dict[str, tuple[tuple[tuple[bytes, bytes], ...], Changes]] = {
    "the token in the URL too": ((), {"query_string": b"access_token=x"}),
    "two tokens": (((b"authorization", b"Bearer x"),), {}),
}


@pytest.mark.spec("RFC 6750 2.3", "FAPI2-SP 5.3.4-2")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("order", [1, -1])
def test_a_token_that_was_seen_does_not_excuse_a_second_one(door: Door, token: str, name: str, order: int):
    more, changes = REFUSED[name]
    headers = [(b"authorization", b"Bearer " + token.encode()), *more][::order]
    assert door.call(token, **{"headers": headers, **changes})[0] == 400
    assert door.checked is None


@pytest.mark.spec("RFC 6750 2.1", "RFC 9449 7.1a")
@pytest.mark.parametrize(
    "name, scheme", [(b"dpop", b"Bearer "), (b"origin", b"Bearer "), (b"authorization", b"DPoP ")]
)
def test_a_token_that_was_seen_passes_only_in_its_header_and_under_its_scheme(
    door: Door, token: str, name: bytes, scheme: bytes
):
    assert door.call(token, headers=[(name, scheme + token.encode())])[0] == 401
    assert door.checked is None


def test_it_is_the_whole_token_that_is_recognised(door: Door, token: str):
    for other in (token[:-1], token + "A", token + " ", " " + token, token + "\u00e9"):
        assert door.call(other)[0] in (200, 400, 401)
        assert not door.was_recognised


def test_the_metadata_is_served_to_those_who_have_a_token_too(door: Door, token: str):
    path = door.server.metadata_path
    assert door.call(token, path=path, raw_path=path.encode())[1][b"content-type"] == b"application/json"
    assert door.checked is None


def test_a_websocket_is_never_recognised(door: Door, token: str):
    assert door.call(token, type="websocket", method=None)[0] == 101
    assert type(door.checked) is CheckedRequest


def test_what_is_too_long_for_a_token_is_not_hashed():
    longest = b"Bearer " + b"x" * ACCESS_TOKEN.max_octets
    assert bearer_digest(longest) is not None
    assert bearer_digest(longest + b"x") is None


@pytest.mark.spec("RFC 9068 4-10")
def test_a_token_that_has_ended_is_not_recognised(door: Door, token: str, clock: FrozenClock):
    clock.advance(300 + door.server.profile.clock_skew)
    assert door.call(token)[0] == 401
    assert door.checked is None


def test_a_token_that_was_revoked_is_not_recognised(clock: FrozenClock):
    denylist = Denylist(clock=clock)
    door, token = Door(a_server(clock=clock, denylist=denylist)), a_token(jti="j1")
    for _ in range(2):
        assert door.call(token)[0] == 200
    assert door.was_recognised
    denylist.revoke(ISSUER, jti="j1", until=NOW + 300)
    assert door.call(token)[0] == 401


def test_a_token_whose_issuer_is_trusted_no_more_or_otherwise_is_not_recognised(clock: FrozenClock):
    trusted = {ISSUER: an_issuer()}
    door, token = Door(a_server(clock=clock, issuers=trusted.get)), a_token()
    for _ in range(2):
        assert door.call(token)[0] == 200
    assert door.was_recognised
    trusted[ISSUER] = an_issuer(keys=KeySet([a_key("ES256", 2).public_key]))
    assert door.call(token)[0] == 401
    trusted.clear()
    assert door.call(token)[0] == 401


@pytest.mark.parametrize("fails", ["the denylist", "the function that names issuers"])
def test_what_the_application_gives_may_fail_and_the_whole_check_says_what_that_means(
    fails: str, clock: FrozenClock
):
    failing: list[Exception] = []
    trusted = an_issuer()

    def may_fail(answer: Any) -> Any:
        if failing:
            raise failing[0]
        return answer

    server = a_server(
        clock=clock,
        **(
            {"denylist": lambda _: may_fail(False)}
            if fails == "the denylist"
            else {"issuers": lambda _: may_fail(trusted)}
        ),
    )
    door, token = Door(server), a_token()
    for _ in range(2):
        assert door.call(token)[0] == 200
    assert door.was_recognised
    failing.append(e.StoreUnavailable("the list of revocations cannot be read"))
    assert door.call(token)[0] == 503
    assert door.checked is None
    failing[0] = RuntimeError("a fault of the application")
    with pytest.raises(RuntimeError) as raised:
        door.call(token)
    ours = [frame.frame for frame in raised.traceback if "/rskit/" in str(frame.path)]
    assert ours
    assert not [frame for frame in ours if token in repr(frame.f_locals)]


MORE_TO_ASK: dict[str, tuple[Issuer, dict[str, Any], HttpResponse]] = {
    "a status list": (an_issuer(status_lists=StatusLists()), {"status": status()}, a_list()),
    "introspection of all": (asking(), {}, says()),
    "introspection of some": (Issuer(ISSUER, keys=KEYS, introspection=LOCAL_JWTS), {}, says()),
}


@pytest.mark.parametrize("name", MORE_TO_ASK)
def test_a_token_about_which_its_server_may_say_more_is_never_recognised(name: str):
    issuer, claims, said = MORE_TO_ASK[name]
    server, token = a_server(issuers=[issuer]), a_token(**claims)
    digest = bearer_digest(b"Bearer " + token.encode())
    assert digest is not None
    first = [METADATA] if issuer.introspection is not None and not issuer.introspection.local_jwts else []
    allowed(server, a_view(f"Bearer {token}"), Hand(*first, said))
    assert server.recognise(digest, NOW) is None


@pytest.mark.spec("RFC 9449 7.2a")
def test_a_bound_token_is_never_recognised(clock: FrozenClock):
    door, token = Door(a_server(clock=clock)), bound_token()
    proofs = [(b"dpop", a_proof(token).encode()) for _ in range(2)]
    headers = [(b"authorization", b"DPoP " + token.encode())]
    for proof in proofs:
        assert door.call(token, headers=[*headers, proof])[0] == 200
        assert not door.was_recognised
    assert door.call(token)[0] == 401
    assert door.checked is None


@pytest.mark.spec("FAPI2-SP 5.3.4-5")
def test_where_tokens_must_be_bound_none_is_recognised(clock: FrozenClock):
    door, token = Door(a_server(clock=clock, require_bound=True)), a_token()
    for _ in range(2):
        assert door.call(token)[0] == 401


@pytest.mark.parametrize("more", [(), ((b"dpop", b"x"),)], ids=["recognised", "checked whole"])
def test_the_request_leaves_no_circle_for_the_garbage_collector(
    door: Door, token: str, more: tuple[tuple[bytes, bytes], ...]
):
    door.call(token, *more, extensions={"tls": {}})
    assert door.checked is not None
    assert door.was_recognised == (not more)
    reached: list[Any] = [door.checked.view]
    for _ in range(4):  # from the view to the certificate's function, to its arguments, and into them
        reached += gc.get_referents(*reached)
    assert not any(isinstance(found, dict) and KEY in found for found in reached)


def test_its_repr_shows_no_token(door: Door, token: str):
    door.call(token)
    assert token not in repr(door.checked)


def test_the_errors_are_those_of_the_whole_check(door: Door, token: str):
    decision = door.server.check(door.checked.view._replace(query="access_token=x"))  # type: ignore[union-attr]
    assert type(decision.error) is rs.TokenInQuery  # type: ignore[union-attr]
