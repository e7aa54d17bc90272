"""A JWT passes only while the status list of its issuer says that it is valid, and no list can be made up."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit import errors as e
from fapikit.http_message import HttpResponse
from fapikit.status_list import INVALID, SUSPENDED, StatusList
from rskit import Introspection, Issuer, ResourceServer, StatusLists
from rskit import errors as rs
from rskit.decision import CannotDecide, Challenge
from rskit.policy.stream import StreamWatch
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key, b64, mint
from tests.rskit.introspecting import METADATA, says
from tests.rskit.mothers import AS_KEY, ISSUER, a_server, a_token, a_view, allowed, an_issuer, refused

URI = f"{ISSUER}/status_lists/1"
TTL = 60


def status(idx: int = 7, uri: str = URI) -> dict[str, Any]:
    return {"status_list": {"idx": idx, "uri": uri}}


def view(**claims: Any) -> Any:
    return a_view(f"Bearer {a_token(**{'status': status(), **claims})}")


def a_list(
    ended: dict[int, int] | None = None,
    *,
    key: Any = AS_KEY,
    typ: str = "statuslist+jwt",
    bits: int = 2,
    **changes: Any,
) -> HttpResponse:
    claims = {
        "iss": ISSUER,
        "sub": URI,
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
        "ttl": TTL,
        "status_list": StatusList.of(ended or {}, size=64, bits=2).member(),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return answer(mint(claims, key, typ=typ), media_type="application/statuslist+jwt")


def listing(clock: FrozenClock | None = None, **settings: Any) -> ResourceServer:
    lists = StatusLists(**settings)
    return a_server(clock=clock or FrozenClock(), issuers=[an_issuer(status_lists=lists)])


@pytest.mark.spec("TSL 8.1", "TSL 8.2", "TSL 8.3")
def test_one_list_is_fetched_once_for_all_its_tokens():
    server, hand = listing(), Hand(a_list())
    allowed(server, view(), hand)
    allowed(server, view(), hand)
    allowed(server, view(status=status(8)), hand)
    (request,) = hand.requests
    assert (request.method, request.url) == ("GET", URI)
    assert ("accept", "application/statuslist+jwt") in request.headers


@pytest.mark.spec("TSL 7.1", "TSL 8.3")
@pytest.mark.parametrize("found, named", [(INVALID, "INVALID"), (SUSPENDED, "SUSPENDED"), (3, "0x3")])
def test_whatever_is_not_valid_is_refused(found: int, named: str):
    refusal = refused(listing(), view(), Hand(a_list({7: found})))
    assert isinstance(refusal, Challenge)
    assert (refusal.status, type(refusal.error)) == (401, rs.RevokedToken)
    assert refusal.error.facts["status"] == named


def test_a_flipped_entry_ends_a_cached_token():
    """The second list is fetched in the background, and no request waits for it."""
    clock = FrozenClock()
    server, token, other = listing(clock), view(), view(status=status(8))
    hand = Hand(a_list())
    allowed(server, token, hand)
    allowed(server, other, hand)
    clock.advance(TTL * 0.8)
    allowed(server, token, hand)
    hand.add([a_list({7: INVALID})])
    hand.run_background()
    assert type(refused(server, token).error) is rs.RevokedToken
    allowed(server, other)
    assert len(hand.requests) == 2


def test_only_one_refresh_is_under_way():
    clock = FrozenClock()
    server, hand = listing(clock), Hand(a_list())
    allowed(server, view(), hand)
    clock.advance(TTL * 0.8)
    for _ in range(5):
        allowed(server, view(), hand)
    assert len(hand.background) == 1


@pytest.mark.spec("TSL 8.2")
def test_after_its_ttl_a_list_is_fetched_before_it_is_used():
    """The headers of HTTP say nothing about it."""
    clock = FrozenClock()
    server, token = listing(clock), view()
    allowed(server, token, Hand(a_list()))
    clock.advance(TTL)
    assert type(refused(server, token, Hand(a_list({7: INVALID}))).error) is rs.RevokedToken


@pytest.mark.spec("TSL 11.5")
@pytest.mark.parametrize("ttl", [None, 10**9])
def test_no_ttl_keeps_a_list_longer_than_the_api_says(ttl: int | None):
    clock = FrozenClock()
    server, token = listing(clock, fresh=30), view(exp=int(NOW) + 3600)
    allowed(server, token, Hand(a_list(ttl=ttl)))
    clock.advance(30)
    hand = Hand(a_list({7: INVALID}))
    refused(server, token, hand)
    assert len(hand.requests) == 1


@pytest.mark.spec("TSL 11.5")
def test_a_tiny_ttl_does_not_make_us_fetch_for_each_request():
    server, hand = listing(), Hand(a_list(ttl=0.0001))
    for _ in range(3):
        allowed(server, view(), hand)
    assert len(hand.requests) == 1


UNUSABLE: dict[str, HttpResponse | Exception] = {
    "no answer": e.Unreachable("no"),
    "404": answer("", 404),
    "500": answer("", 500),
    "a redirect": e.UnexpectedRedirect("no"),
    "a page": answer("<html>", media_type="text/html"),
    "an empty answer": answer(""),
    "not a text": answer(b"\xff\xfe"),
    "signed by another": a_list(key=a_key("ES256", 5)),
    "an access token": a_list(typ="at+jwt"),
    "called JWT": a_list(typ="JWT"),
    "of another URI": a_list(sub=f"{ISSUER}/status_lists/2"),
    "without sub": a_list(sub=None),
    "without iat": a_list(iat=None),
    "of another issuer": a_list(iss="https://other.example"),
    "from the future": a_list(iat=int(NOW) + 3600),
    "expired": a_list(exp=int(NOW) - 60),
    "without a list": a_list(status_list=None),
    "with 3 bits": a_list(status_list={"bits": 3, "lst": b64(zlib.compress(b"0"))}),
    "a bomb": a_list(status_list={"bits": 1, "lst": b64(zlib.compress(bytes(9_000_000), 9))}),
    "with a ttl of zero": a_list(ttl=0),
    "with a ttl that is true": a_list(ttl=True),
    "with a ttl that is text": a_list(ttl="60"),
}


@pytest.mark.spec("TSL 5.1", "TSL 8.2", "TSL 8.3", "TSL 11.4")
@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_list_that_cannot_be_used_leaves_the_token_undecided(fault: str):
    server = listing()
    refusal = refused(server, view(), Hand(UNUSABLE[fault]))
    assert isinstance(refusal, CannotDecide)
    assert refusal.status == 503
    assert isinstance(refusal.error, e.TransportError)
    assert refused(server, view(), Hand()).status == 503  # it is not asked again at once


def test_a_list_without_an_issuer_is_the_issuers():
    """`iss` is no claim of a status list: the key decides."""
    allowed(listing(), view(), Hand(a_list(iss=None)))


@pytest.mark.spec("TSL 8.3")
def test_a_list_that_is_older_than_the_one_before_is_not_believed():
    clock = FrozenClock()
    server, token = listing(clock), view()
    refused(server, token, Hand(a_list({7: INVALID})))
    clock.advance(TTL)
    assert refused(server, token, Hand(a_list(iat=int(NOW) - 5))).status == 503


def test_without_stale_a_list_that_is_due_decides_nothing():
    clock = FrozenClock()
    server, token = listing(clock), view()
    allowed(server, token, Hand(a_list()))
    clock.advance(TTL)
    assert refused(server, token, Hand(e.Unreachable("no"))).status == 503
    clock.advance(5)
    allowed(server, token, Hand(a_list()))


def test_stale_lets_the_last_list_count_for_a_while():
    clock = FrozenClock()
    server, token, ended = listing(clock, stale=100), view(exp=int(NOW) + 3600), view(status=status(9))
    allowed(server, token, Hand(a_list({9: INVALID})))
    clock.advance(TTL)
    hand = Hand(e.Unreachable("no"))
    for _ in range(3):
        allowed(server, token, hand)
    assert len(hand.requests) == 1
    assert type(refused(server, ended).error) is rs.RevokedToken
    clock.advance(100)
    assert refused(server, token, Hand(e.Unreachable("no"))).status == 503


def test_stale_is_not_for_a_list_that_was_never_read():
    assert refused(listing(stale=100), view(), Hand(e.Unreachable("no"))).status == 503


@pytest.mark.spec("TSL 8.3")
def test_no_list_is_used_after_its_end():
    clock = FrozenClock()
    server, token = listing(clock, stale=1000), view(exp=int(NOW) + 3600)
    allowed(server, token, Hand(a_list(exp=int(NOW) + 10)))
    clock.advance(40)
    assert refused(server, token, Hand(e.Unreachable("no"))).status == 503


REFUSED: dict[str, tuple[Any, type[Exception]]] = {
    "no status": (None, rs.UnknownStatus),
    "another mechanism": ({"other": {}}, rs.UnknownStatus),
    "a list of another host": (status(uri="https://evil.example/1"), rs.UnknownStatus),
    "a list of another port": (status(uri="https://as.example:8443/1"), rs.UnknownStatus),
    "a list of this machine": (status(uri="http://127.0.0.1/1"), rs.UnknownStatus),
    "a host that begins like the issuer": (status(uri=f"{ISSUER}.evil.example/1"), rs.UnknownStatus),
    "the issuer as user info": (status(uri="https://as.example@evil.example/1"), e.MalformedStatus),
    "no https": (status(uri="http://as.example/1"), e.MalformedStatus),
    "a negative index": (status(-1), e.MalformedStatus),
    "a text": ("revoked", e.MalformedStatus),
}


@pytest.mark.spec("TSL 6.2", "TSL 8.1")
@pytest.mark.parametrize("case", REFUSED)
def test_a_token_whose_entry_cannot_be_found_is_refused_without_a_call(case: str):
    claim, error = REFUSED[case]
    refusal = refused(listing(), view(status=claim), Hand())
    assert (refusal.status, type(refusal.error)) == (401, error)


@pytest.mark.spec("TSL 8.3")
def test_an_index_out_of_range_is_refused():
    refusal = refused(listing(), view(status=status(64)), Hand(a_list()))
    assert (refusal.status, type(refusal.error)) == (401, e.MalformedStatus)


@pytest.mark.spec("TSL 8.3")
@pytest.mark.parametrize(
    "claims, error",
    [({"exp": int(NOW) - 60}, e.Expired), ({"aud": "https://other.example"}, e.WrongAudience)],
)
def test_the_token_itself_comes_first(claims: dict[str, Any], error: type[Exception]):
    assert type(refused(listing(), view(**claims), Hand()).error) is error


def test_a_forged_token_causes_no_call():
    forged = a_token(a_key("ES256", 6), status=status())
    assert isinstance(refused(listing(), a_view(f"Bearer {forged}"), Hand()).error, e.JwtError)


def test_lists_may_be_at_an_origin_that_the_api_names():
    uri = "https://status.example/1"
    server = listing(origins=("https://status.example",))
    allowed(server, view(status=status(uri=uri)), Hand(a_list(sub=uri)))


def test_not_required_lets_tokens_without_an_entry_pass():
    server = listing(required=False)
    allowed(server, view(status=None))
    refused(server, view(), Hand(a_list({7: INVALID})))


def test_a_fresh_route_reads_the_list_again():
    server, token = listing(), view()
    passed = allowed(server, token, Hand(a_list()))
    Hand(a_list()).run(server.check_again(token, passed))
    with pytest.raises(rs.RevokedToken):
        Hand(a_list({7: INVALID})).run(server.check_again(token, passed))
    refused(server, token)  # and the others have learnt of it


def test_an_answer_of_introspection_is_not_kept_past_a_flipped_entry():
    clock = FrozenClock()
    asking = Introspection("api", PrivateKeyJWT(a_key()), local_jwts=True)
    server = a_server(clock=clock, issuers=[an_issuer(introspection=asking, status_lists=StatusLists())])
    claims = {"status": status(), "jti": "one"}
    token = a_view(f"Bearer {a_token(**claims)}")
    passed = allowed(server, token, Hand(a_list()))
    Hand(a_list(), METADATA, says(client_id="fintech")).run(server.check_again(token, passed))
    allowed(server, token)
    clock.advance(TTL)
    assert type(refused(server, token, Hand(a_list({7: INVALID}))).error) is rs.RevokedToken


def test_a_stream_ends_with_its_entry():
    clock = FrozenClock()
    server, token = listing(clock), view()
    watch: StreamWatch = server.watch(token, allowed(server, token, Hand(a_list())))
    assert Hand().run(watch.goes_on())
    clock.advance(TTL)
    assert not Hand(a_list({7: INVALID})).run(watch.goes_on())


def test_an_issuer_without_the_setting_reads_nothing():
    allowed(a_server(), view())


WRONG: dict[str, Callable[[], object]] = {
    "fresh": lambda: StatusLists(fresh=0),
    "stale": lambda: StatusLists(stale=-1),
    "timeout": lambda: StatusLists(timeout=60),
    "origins": lambda: StatusLists(origins=("https://host/path",)),
    "one origin": lambda: StatusLists(origins="https://host"),
    "introspection of all": lambda: Issuer(
        ISSUER, Introspection("api", PrivateKeyJWT(a_key())), status_lists=StatusLists()
    ),
}


@pytest.mark.parametrize("setting", WRONG)
def test_settings_that_cannot_work(setting: str):
    with pytest.raises(e.ConfigurationError, match=r"StatusLists|status_lists="):
        WRONG[setting]()


def test_the_log_of_the_start_up_no_longer_warns():
    warned = a_server(profile="fapi2-security", nonces=True, require_bound=True).warnings
    assert any("status_lists=" in warning for warning in warned)
    issuers = [an_issuer(status_lists=StatusLists())]
    quiet = a_server(profile="fapi2-security", nonces=True, require_bound=True, issuers=issuers).warnings
    assert not any("status_lists=" in warning for warning in quiet)
