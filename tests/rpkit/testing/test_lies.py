"""The scan of clients: rpkit believes no lie, a naive client believes nearly all, and each missing check is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit.pytest_plugin.faults import PLACES
from askit.pytest_plugin.visits import trusting
from fapikit import PrivateKeyJWT
from fapikit.errors import FapiError
from rpkit import AsyncClient, Client
from rpkit.testing import Lie, ScanReport, afind_holes, all_lies, find_holes
from tests.rpkit.testing.naive_client import FussyClient, HastyClient, NaiveClient

SECURITY, MESSAGE_SIGNING = "fapi2-security", "fapi2-message-signing"
LIES = all_lies()
TO_REFUSE = [lie.name for lie in LIES if not lie.must_take]
CANNOT_GO_ON = {"no pushed requests", "no access token"}
"""Lies that stop every client, also one that checks nothing."""

_BY_BOTH = {
    ("no pushed requests", "FAPI2-SP 5.3.2.2-3"),
    ("PKCE by plain alone", "FAPI2-SP 5.3.2.2-5"),
    ("an ID token that another client asked for", "RFC 8725 3.9"),
    ("an ID token of tomorrow", "FAPI2-SP 5.3.2.1-13"),
}
OTHER_CLAUSES = {
    SECURITY: {*_BY_BOTH, ("a token through the browser", "JARM 2.3")},
    MESSAGE_SIGNING: {
        *_BY_BOTH,
        ("a code beside an error", "FAPI2-MS 5.4.2-2"),
        ("a token through the browser", "FAPI2-MS 5.4.2-2"),
    },
}
"""Where rpkit names another clause of the same rule, such as the one for the server, or for signed answers."""


@pytest.fixture
def profile() -> str:
    return SECURITY


@pytest.fixture
def askit_settings(profile: str) -> dict[str, Any]:
    return {"profile": profile}


def settings_of(bank: Any, profile: str) -> dict[str, Any]:
    return {
        "client_id": bank.client_id,
        "auth": PrivateKeyJWT(bank.client_key),
        "redirect_uri": bank.redirect_uri,
        "http": bank.http(),
        "profile": profile,
    }


def logs_in(
    bank: Any, profile: str = SECURITY, caught: list[FapiError] | None = None
) -> Callable[[Any], Any]:
    """What a fintech does with rpkit. `caught`: keeps the errors."""
    settings = settings_of(bank, profile)

    def log_in(bank: Any) -> Any:
        try:
            with Client.discover(bank.issuer, **settings) as client:
                start = client.begin(scope="openid accounts")
                login = client.complete(bank.browse(start.url), start.transaction)
                return client.userinfo(login)
        except FapiError as error:
            if caught is not None:
                caught.append(error)
            raise

    return log_in


def logs_in_naively(kind: type[NaiveClient]) -> Callable[[Any], Any]:
    def log_in(bank: Any) -> Any:
        with httpx.Client(verify=trusting(bank.ca), trust_env=False) as http:
            return kind(bank, http).log_in()

    return log_in


def names(report: ScanReport) -> set[str]:
    return {finding.attack for finding in report.findings}


@pytest.mark.spec(
    "FAPI2-SP 5.3.3.1-2, -3, 5.3.3.2-5; OIDC 3.1.3.7-2, -3, -6, -9, -11; JARM 2.4-2, -3, -4, -5"
)
@pytest.mark.parametrize("profile", [SECURITY, MESSAGE_SIGNING])
def test_rpkit_believes_no_lie_and_names_the_clause_of_each(faulty_askit: Any, profile: str):
    caught: list[FapiError] = []
    report = find_holes(logs_in(faulty_askit, profile, caught), faulty_askit)
    assert report == [], report.text()
    refused = [outcome for outcome in report.outcomes if outcome.expected == "refused"]
    assert [outcome.came for outcome in refused] == [f"refused by {type(error).__name__}" for error in caught]
    others = {
        (outcome.attack, error.clause)
        for outcome, error in zip(refused, caught, strict=True)
        if outcome.clause != error.clause
    }
    assert others == OTHER_CLAUSES[profile]
    assert len(report.outcomes) >= 50


def test_each_lie_is_told_under_one_of_the_two_profiles(faulty_askit: Any):
    """Here: all but those about signed answers, which the report names as not looked at."""
    report = find_holes(logs_in(faulty_askit), faulty_askit)
    told = {outcome.attack for outcome in report.outcomes}
    (unseen,) = report.not_looked_at
    assert unseen.what == "lies about signed authorization responses"
    untold = [lie.name for lie in LIES if lie.name not in told]
    assert unseen.why == f"the bank had no occasion to tell {len(untold)} of them: {', '.join(untold)}"
    with pytest.raises(AssertionError, match="lies about signed authorization responses"):
        report.require_none()
    report.require_none(unseen={"lies about signed authorization responses"})


def test_an_async_client_believes_no_lie(faulty_askit: Any):
    settings = settings_of(faulty_askit, SECURITY)

    async def log_in(bank: Any) -> None:
        client = await AsyncClient.discover(bank.issuer, **settings)
        async with client:
            login = await bank.async_signed_in(client, scope="openid accounts")
            await client.userinfo(login)

    few = [lie for lie in LIES if lie.place in ("authorization_response", "userinfo")]
    report = asyncio.run(afind_holes(log_in, faulty_askit, lies=few))
    assert report == []
    assert {outcome.expected for outcome in report.outcomes} == {"refused", "accepted"}


def test_a_naive_client_believes_what_does_not_stop_it(faulty_askit: Any):
    report = find_holes(logs_in_naively(NaiveClient), faulty_askit)
    told = {outcome.attack for outcome in report.outcomes if outcome.expected == "refused"}
    assert names(report) == told - CANNOT_GO_ON
    assert len(report) >= 30
    in_clear = {"a token endpoint in clear", "an authorization endpoint in clear"}
    assert all(hole.endswith(": accepted") for hole in report if hole.split(":")[0] not in in_clear)
    assert "means:  The client sends this bank's code to another one: the mix-up attack." in report.text()


def test_a_check_that_comes_too_late_is_a_hole(faulty_askit: Any):
    answers = [lie for lie in LIES if lie.place == "authorization_response"]
    report = find_holes(logs_in_naively(HastyClient), faulty_askit, lies=answers)
    assert report == [
        "an answer of another issuer: refused by ValueError, after it had called token",
        "an answer without an issuer: refused by ValueError, after it had called token",
        "an answer to another login: refused by ValueError, after it had called token",
        "an answer to no login: refused by ValueError, after it had called token",
        "a code beside an error: accepted",
        "a token through the browser: accepted",
    ]


def test_a_client_that_refuses_what_is_right_is_noticed(faulty_askit: Any):
    unusual = [lie for lie in LIES if lie.must_take]
    assert find_holes(logs_in_naively(FussyClient), faulty_askit, lies=unusual) == [
        "an audience in an array: refused by AttributeError",
        "no lifetime: refused by KeyError",
    ]


CHECKS = {
    "rpkit.login.callback._check_issuer": {"an answer of another issuer", "an answer without an issuer"},
    "rpkit.login.callback._check_state": {"an answer to another login", "an answer to no login"},
    "rpkit.login.id_token._check_nonce": {"an ID token of another login", "an ID token of no login"},
    "rpkit.login.id_token._check_azp": {"an ID token that another client asked for"},
    "rpkit.login.id_token._check_at_hash": {"an ID token for another access token"},
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_of_rpkit_that_is_left_out_is_noticed(
    check: str, faulty_askit: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(check, lambda *_, **__: None)
    few = [lie for lie in LIES if lie.place in ("authorization_response", "id_token")]
    assert names(find_holes(logs_in(faulty_askit), faulty_askit, lies=few)) == CHECKS[check]


def test_a_client_that_never_logs_in_shows_nothing(faulty_askit: Any):
    with pytest.raises(AssertionError, match=r"at the honest bank \(refused by KeyError\)"):
        find_holes(lambda _: {}["login"], faulty_askit)
    with pytest.raises(AssertionError, match=r"at the honest bank \(refused\)"):
        find_holes(lambda _: False, faulty_askit)


def test_a_lie_that_cannot_be_made_up_is_an_error(faulty_askit: Any):
    lie = LIES[0]._replace(change=lambda message, _: message["no such member"])
    with pytest.raises(KeyError, match="no such member"):
        find_holes(logs_in(faulty_askit), faulty_askit, lies=[lie])


def test_a_client_that_a_lie_has_broken_is_noticed(faulty_askit: Any):
    logins = iter([True, True])
    with pytest.raises(AssertionError, match="does not log in"):
        find_holes(lambda _: next(logins, False), faulty_askit, lies=LIES[:1])


def test_the_bank_is_honest_again_afterwards(faulty_askit: Any):
    faulty_askit.app.faults["metadata"] = dict
    find_holes(lambda _: True, faulty_askit, lies=[lie for lie in LIES if lie.nonces == "never"])
    assert faulty_askit.app.faults.nonces == "normal"
    assert faulty_askit.app.faults.apply("metadata", "as it is") == "as it is"


def test_the_guide_finds_no_hole(faulty_askit: Any):
    """The block of docs/client.md, as it stands."""
    guide = (Path(__file__).parents[3] / "docs" / "client.md").read_text("utf-8")
    section = guide.partition("## Find the lies that your client believes")[2]
    block = section.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"Client": Client, "PrivateKeyJWT": PrivateKeyJWT}
    exec(compile(block, "docs/client.md", "exec"), names)
    names["test_my_client_believes_no_lie"](faulty_askit)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_each_lie_is_described(lie: Lie):
    assert lie.place in PLACES
    assert all(text.endswith((".", ")")) for text in (lie.says, lie.means, lie.remedy)), lie
    assert len(TO_REFUSE) >= 40
    assert len({lie.name for lie in LIES}) == len(LIES)
