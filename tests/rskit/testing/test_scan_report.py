"""What a scan says of itself: what it found and what that means, what it sent, and what it could not look at."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

import wsgi_mw
from rskit.attacks import Answer, Headers, Reach, ScanReport, WsgiSender, find_holes
from rskit.testing import Mint
from tests.clocks import FrozenClock
from tests.rskit.testing.planted.api import RESOURCE, Api, Request
from tests.rskit.testing.planted.api import Answer as Answered
from tests.rskit.testing.planted.holes_in_answers import BreaksInsteadOfRefusing, RunsForStrangers
from tests.rskit.testing.planted.holes_in_claims import NeverLooksAtAud
from tests.rskit.testing.planted.holes_in_doors import OpenDoor
from tests.rskit.testing.planted.holes_in_grants import SIGNED_IN, NeedsDetails
from tests.rskit.testing.planted.holes_in_paths import RoutesInAnyLetters
from tests.rskit.testing.planted.holes_in_proof_times import DemandsNonces
from tests.rskit.testing.planted.jose import Refused
from tests.rskit.testing.planted.planting import CERTIFICATE, DETAIL, mint_of, names, scan
from tests.rskit.testing.planted.servers import wsgi
from wsgi_mw import flask as on_flask

URL = f"{RESOURCE}/accounts"


def sender(api: Api, *, status_alone: bool = True) -> Any:
    """Three arguments, as an API team writes it."""
    sends = WsgiSender(wsgi(api))

    def send(method: str, url: str, headers: Headers) -> int | Answer:
        answer = sends(method, url, headers)
        return answer.status if status_alone else answer

    return send


def scan_plainly(
    api_type: type[Api], *, status_alone: bool = True, bound: bool = True, **given: Any
) -> ScanReport:
    """With a status, and without a Reach."""
    clock = FrozenClock()
    mint = mint_of(clock)
    api = api_type(mint, clock=clock)
    send = sender(api, status_alone=status_alone)
    return find_holes(send, mint, "GET", URL, bound=bound, **{"scope": "accounts", **given})


def unseen(report: ScanReport) -> set[str]:
    return {item.what for item in report.not_looked_at}


def test_what_a_status_alone_cannot_tell_is_named():
    assert unseen(scan_plainly(Api)) == {
        "a second audience",
        "a second scope",
        "a second worker",
        "authorization details",
        "client certificates",
        "how the user signed in",
        "keys behind a URL in the header",
        "keys of a second issuer",
        "nonces",
        "preflights",
        "replays at one moment",
        "request targets as they are written",
        "revoked tokens",
        "side effects",
        "tokens in a form",
        "unbound tokens",
        "websockets",
        "what answers give away",
        "what happens when time goes by",
        "whose data comes back",
    }


def test_answers_show_more_than_a_status():
    seen = unseen(scan_plainly(Api)) - unseen(scan_plainly(Api, status_alone=False))
    assert seen == {"preflights", "what answers give away"}


def test_a_bearer_token_says_nothing_about_proofs_nor_a_token_without_scope_about_scopes():
    class NeedsNoScope(Api):
        def scope(self, claims: Any) -> None:
            pass

    assert {"DPoP proofs", "scopes"} <= unseen(scan(NeedsNoScope, bound=False, scope=None))


class LetsAllSee(DemandsNonces, NeedsDetails):
    """All that a scan can look at: nonces, details, certificates and a sign-in."""

    needs_acr = "gold"
    max_age = 300


def test_with_all_that_it_can_use_it_looks_at_everything():
    """Save at the age of proofs where nonces are demanded: their nonce tells it."""
    report = scan(
        LetsAllSee, skin="asgi", certificate=CERTIFICATE, authorization_details=[DETAIL], **SIGNED_IN
    )
    assert report == [], report.text()
    assert unseen(report) == {"proofs that are old"}
    assert report.attacks > 500


def test_a_finding_says_what_was_sent_what_came_what_it_means_and_what_to_do():
    report = scan(NeverLooksAtAud)
    finding = report.findings[names(report).index("a token for another API")]
    assert finding == (
        "a token for another API",
        "a token for another API",
        "200",
        "A token that was sent to another API, which could keep it, works here.",
        "RFC 9068 4-4",
        "Require aud, as a string or a list of strings, and find this API's identifier in it, letter for letter.",
    )
    text = str(report)
    assert f"{len(report)} holes in GET {URL} ({report.attacks} attacks, {report.requests} requests, " in text
    for part in (
        "sent:   a token for another API",
        "came:   200",
        "means:  A token",
        "clause: RFC 9068 4-4",
        "do:",
    ):
        assert part in text
    assert all(all(finding) for finding in report.findings)


def test_what_was_not_decided_is_no_word_of_letting_in():
    report = scan(BreaksInsteadOfRefusing)
    broken = next(finding for finding in report.findings if finding.came == "500")
    assert broken.means.startswith("The request was not refused: it caused an error in this API.")
    assert broken.remedy.startswith("Refuse it with 400, 401 or 403")


def test_every_attack_has_its_words():
    from rskit.testing.attacks.families import FAMILIES
    from tools.citations import clauses_in

    for family in FAMILIES:
        for row in family.rows:
            told = family.finding(row, "200")
            assert all(told), row.name
            assert [*clauses_in(told.clause)] or told.clause.startswith("RFC "), row.name


def test_require_none_demands_that_what_is_not_seen_is_accepted_by_name():
    report = scan_plainly(Api)
    with pytest.raises(AssertionError, match="not looked at:") as raised:
        report.require_none(unseen=unseen(report) - {"websockets"})
    assert "websockets: no websocket was named. To look: Reach(websocket='wss://...')" in str(raised.value)
    assert "a second worker" not in str(raised.value)
    report.require_none(unseen=unseen(report))
    with pytest.raises(AssertionError, match="a token for another API: 200"):
        scan(NeverLooksAtAud).require_none(unseen=unseen(report))


def test_the_report_stands_in_the_log_for_tests_that_compare_lists(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="rskit.testing"):
        clean, holed = scan(Api), scan(NeverLooksAtAud)
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING]
    assert [record.getMessage() for record in caplog.records] == [clean.text(), holed.text()]


def test_when_the_time_is_over_it_says_how_much_is_left():
    report = scan(Api, seconds=0)
    assert report.requests < 10
    (rest,) = (item for item in report.not_looked_at if item.what == "the rest")
    assert (
        int(rest.why.removesuffix(" attacks were not sent, because the time was over")) >= scan(Api).attacks
    )


def test_a_scan_is_bounded():
    report = scan(Api, skin="asgi")
    assert report.requests <= 700


# --- where a client or an API stands in the way ---


def test_what_a_client_will_not_send_is_named_and_what_it_cannot_send_raises():
    clock = FrozenClock()
    mint = mint_of(clock)
    send = sender(Api(mint, clock=clock))

    def picky(method: str, url: str, headers: Headers) -> int:
        if "%2e" in url or method == "HACK":
            raise ValueError("no such URL")
        return int(send(method, url, headers))

    report = find_holes(picky, mint, "GET", URL, scope="accounts")
    (missing,) = (item for item in report.not_looked_at if item.what == "requests that send does not make")
    assert "no token, by HACK (ValueError: no such URL)" in missing.why
    assert "no token, at the path with escaped dots (ValueError: no such URL)" in missing.why

    def broken(method: str, url: str, headers: Headers) -> int:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        find_holes(broken, mint, "GET", URL)


class ServesAnyPath(OpenDoor):
    """A page for every path but the API's, as single-page applications have."""

    def opens_for(self, request: Request) -> bool:
        return request.path.lower() != self.home

    def route(self, request: Request, claims: dict[str, Any]) -> Answered:
        return Answered(200, b"<html>") if self.opens_for(request) else super().route(request, claims)


class HidesAHoleBehindPages(ServesAnyPath, RoutesInAnyLetters):
    """The page is served for every path, save that capitals lead to the data."""

    def opens_for(self, request: Request) -> bool:
        return request.path != self.home

    def route(self, request: Request, claims: dict[str, Any]) -> Answered:
        leads = request.path.lower() == self.home
        return self.endpoint({"sub": "user"}) if leads else Answered(200, b"<html>")

    def admit(self, request: Request) -> dict[str, Any]:
        return {} if self.opens_for(request) else Api.admit(self, request)


def test_a_public_page_at_every_path_is_told_from_the_data():
    report = scan_plainly(ServesAnyPath)
    assert (report, "paths beside the route" in unseen(report)) == ([], True)
    report = scan_plainly(ServesAnyPath, status_alone=False)
    assert (report, "paths beside the route" in unseen(report)) == ([], False)


def test_data_that_hides_behind_a_public_page_is_found():
    found = names(scan_plainly(HidesAHoleBehindPages, status_alone=False))
    assert "no token, at the path with capitals" in found
    assert "no token, at the path with a dot behind" not in found


class AnswersPreflights(Api):
    """As a CORS layer outside of the door does."""

    def answer(self, request: Request) -> Answered:
        if request.method == "OPTIONS":
            return Answered(204, b"", [("Access-Control-Allow-Origin", "https://app.example")])
        return super().answer(request)


def test_a_cors_layer_is_no_hole():
    assert scan_plainly(AnswersPreflights, status_alone=False) == []
    assert scan_plainly(AnswersPreflights) == ["no token, by OPTIONS: 204"]  # a preflight it is not
    assert scan_plainly(AnswersPreflights, reach=Reach(open_methods=["OPTIONS"])) == []


class AsksForNoTokenWhereNothingIs(Api):
    def admit(self, request: Request) -> dict[str, Any]:
        if request.method not in self.methods:
            raise Refused(405)
        return super().admit(request)


def test_methods_without_a_route_are_named():
    report = scan_plainly(AsksForNoTokenWhereNothingIs)
    (missing,) = (item for item in report.not_looked_at if item.what == "methods without a route")
    assert "DELETE is answered with 405 before a token is required" in missing.why
    assert "HEAD" not in missing.why


# --- honest requests ---


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize(
    ("resource", "path", "issuer"),
    [
        ("https://api.example:8443", "/bank/v1/accounts", "https://as.test"),
        ("https://api.example", "/", "https://as.test"),
        ("https://api.example", "/1?page=2", "https://as.test/tenant/"),
        ("http://localhost:8000", "/accounts", "http://localhost:9000"),
        ("https://[2001:db8::1]:8443", "/accounts", "https://as.test"),
    ],
)
def test_an_attack_that_would_be_the_honest_request_is_left_out(
    resource: str, path: str, issuer: str, bound: bool
):
    mint = Mint(issuer)
    server = mint.resource_server(resource, profile="oauth-2.1")
    app = flask.Flask("bank")
    app.add_url_rule(path.partition("?")[0], "served", on_flask.Access("accounts")(lambda: {"up": True}))
    report = find_holes(
        WsgiSender(wsgi_mw.Protect(app, server)), mint, "GET", resource + path, bound=bound, scope="accounts"
    )
    assert report == [], report.text()


def test_what_a_mint_s_own_server_demands_is_known():
    clock = FrozenClock()
    mint = Mint(clock=clock)
    mint.resource_server(RESOURCE, profile="fapi2-security")
    api = Api(mint, clock=clock)
    api.only_bound = False
    assert find_holes(sender(api), mint, "GET", URL, scope="accounts") == [
        "an unbound token as a bearer token: 200"
    ]


class HasNothingThere(Api):
    def endpoint(self, claims: Any) -> Answered:
        return Answered(404)


def test_an_honest_request_that_finds_nothing_tells_little_of_strangers():
    report = scan_plainly(HasNothingThere)
    assert (report, "what is served without a token" in unseen(report)) == ([], True)


def test_a_server_that_demands_nonces_needs_a_send_that_shows_them():
    with pytest.raises(
        AssertionError, match=r"answered with 401.*let send return the response, which contains it"
    ):
        scan_plainly(DemandsNonces)
    assert scan_plainly(DemandsNonces, status_alone=False) == []


class TakesEachNonceOnce(DemandsNonces):
    def __init__(self, *mints: Mint, clock: Any) -> None:
        super().__init__(*mints, clock=clock)
        self.count = 0

    def nonce(self) -> str:
        return f"n{self.count}"

    def proof_nonce(self, claims: Any) -> None:
        super().proof_nonce(claims)
        self.count += 1


def test_nonces_that_serve_once_leave_sequences_unseen():
    report = scan_plainly(TakesEachNonceOnce, status_alone=False)
    assert report == []
    assert "attacks that lacked a nonce" in unseen(report)


def test_a_count_of_runs_that_counts_something_else_is_refused():
    with pytest.raises(AssertionError, match=r"Reach\(reached=\.\.\.\) did not count the honest request"):
        scan_plainly(Api, reach=Reach(reached=lambda: 7))


def test_side_effects_are_findings_though_the_answer_is_right():
    assert "no token: 401, and the endpoint ran" in scan(RunsForStrangers)


def test_a_scan_of_one_thread_at_a_time_says_so():
    clock = FrozenClock()
    mint = mint_of(clock)
    send = sender(Api(mint, clock=clock))
    with ThreadPoolExecutor(4) as executor:
        report = find_holes(send, mint, "GET", URL, scope="accounts", reach=Reach(executor=executor))
    assert "replays at one moment" not in unseen(report)


def test_a_send_that_is_to_be_awaited_is_told_where_it_belongs():
    async def send(*_: Any) -> int:
        return 200

    sent = send()
    with pytest.raises(TypeError, match="use afind_holes"):
        find_holes(lambda *_: sent, Mint(), "GET", URL)
    sent.close()


@pytest.mark.parametrize("answer", [None, "200", True, object(), b""])
def test_a_send_that_returns_no_answer_is_told_so(answer: object):
    with pytest.raises(TypeError, match="it must return a status, an Answer or a test client's response"):
        find_holes(lambda *_: answer, Mint(), "GET", URL)
