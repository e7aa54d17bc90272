"""The scan of servers: askit has no hole, a naive bank has nearly all, and a missing check is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from askit.attacks import Attack, Party, ScanReport, attacks, find_holes
from askit.pytest_plugin.visitor import visit, walk
from askit.pytest_plugin.visits import trusting
from askit.users import grants as user_grants
from examples.attack_lab.lab import Lab
from fapikit import PrivateKey
from tests.askit.attacks.naive_server import ForgetfulBank, NaivePushingBank, sign_in

SECURITY, MESSAGE_SIGNING = "fapi2-security", "fapi2-message-signing"
OTHER = Party("other-client", PrivateKey.generate("ES256"), "https://other.example.test/callback")
NAMES = [attack.name for attack in attacks()]
OF_REQUEST_OBJECTS = [
    name for name in NAMES if "request object" in name or name == "a request that is not signed at all"
]
ALSO_RIGHT_AT_THE_NAIVE_BANK = {
    "a request_uri that was invented",  # it leads nowhere
    "an answer without its state",
}


@pytest.fixture
def profile() -> str:
    return SECURITY


@pytest.fixture
def askit_settings(profile: str) -> dict[str, Any]:
    other = {
        "client_id": OTHER.client_id,
        "client_name": "Another Client",
        "redirect_uris": [OTHER.redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(OTHER.key.public_jwk)]},
    }
    return {"profile": profile, "clients": [other]}


@pytest.fixture
def scan(askit: Any, profile: str) -> Iterator[Callable[..., ScanReport]]:
    """Scans askit, as shipped. Arguments are those of `find_holes`."""
    signs = profile == MESSAGE_SIGNING
    further = {"response_mode": "jwt"} if signs else {}
    party = Party(
        askit.client_id, askit.client_key, askit.redirect_uri, further=further, signs_requests=signs
    )

    def sign_in(browser: httpx.Client, url: str) -> Any:
        alice = {"username": "alice", "password": "wonderland", "decision": "approve"}
        return visit(browser, walk(url, issuer=askit.issuer, **alice))

    with httpx.Client(verify=trusting(askit.ca), trust_env=False) as http:
        yield lambda **how: find_holes(askit.issuer, party, sign_in, **{"http": http, "other": OTHER, **how})


def some(*names: str) -> list[Attack]:
    found = [attack for attack in attacks() if attack.name in names]
    assert len(found) == len(names)
    return found


@pytest.mark.spec(
    "FAPI2-SP 5.3.2.1-4, -6, -7, -8, 5.3.2.2-1, -3, -4, -5, -6, -7, -9, -10, -12; FAPI2-MS 5.3.1-1, -2, -3, -4"
)
@pytest.mark.parametrize("profile", [SECURITY, MESSAGE_SIGNING])
def test_askit_has_no_hole(scan: Callable[..., ScanReport], profile: str):
    report = scan()
    assert report == [], report.text()
    unseen = set() if profile == MESSAGE_SIGNING else set(OF_REQUEST_OBJECTS)
    assert [outcome.attack for outcome in report.outcomes] == [name for name in NAMES if name not in unseen]
    assert {outcome.came for outcome in report.outcomes} == {"refused"}
    report.require_none(unseen={"request objects"} if unseen else ())


def scan_a_naive_bank(kind: type[NaivePushingBank], **how: Any) -> ScanReport:
    with Lab() as lab:
        bank = lab.naive_bank(kind)
        party = Party("fintech", PrivateKey.generate("ES256"), bank.redirect_uris[0], signs_requests=True)
        return find_holes(bank.issuer, party, sign_in, http=lab.http, other=OTHER, **how)


def test_a_forgetful_bank_has_the_other_two():
    rest = some(*ALSO_RIGHT_AT_THE_NAIVE_BANK)
    assert set(scan_a_naive_bank(ForgetfulBank, only=rest)) == {
        "a request_uri that was invented: a code came",
        "an answer without its state: another state, or none",
    }


def test_a_naive_bank_has_nearly_every_hole():
    report = scan_a_naive_bank(NaivePushingBank)
    found = {finding.attack for finding in report.findings}
    assert {name for name in NAMES if name not in found} == ALSO_RIGHT_AT_THE_NAIVE_BANK
    assert report.not_looked_at == ()
    assert "do:     Redirect by 303." in report.text()


# Checks of askit that are taken away, each with the attacks that then get through.
CHECKS: dict[str, tuple[Any, set[str]]] = {
    "fapikit.pkce.verifier_matches": (lambda *_: True, {"a code with another verifier"}),
    "askit.client_check.assertion.audiences": (
        lambda core, _: (core.config.issuer, core.endpoint("token")),
        {"an assertion for the token endpoint"},
    ),
    "askit.grants.authorization_code._check_code": (
        lambda core, code, _: user_grants.find(core, code.grant_id),
        {"a code with another verifier", "a code without a verifier", "a code with another key"},
    ),
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_of_askit_that_is_left_out_is_noticed(
    check: str, scan: Callable[..., ScanReport], monkeypatch: pytest.MonkeyPatch
):
    instead, expected = CHECKS[check]
    monkeypatch.setattr(check, instead)
    few = [attack for attack in attacks() if "code" in attack.name or "assertion" in attack.name]
    assert {finding.attack for finding in scan(only=few).findings} == expected


def test_an_honest_login_that_is_refused_shows_nothing(askit: Any):
    strange = Party("nobody", PrivateKey.generate("ES256"), askit.redirect_uri)
    refused = r"the honest request to .*/par was answered with 401"
    with (
        httpx.Client(verify=trusting(askit.ca), trust_env=False) as http,
        pytest.raises(AssertionError, match=refused),
    ):
        find_holes(askit.issuer, strange, sign_in, http=http)


def test_what_cannot_be_played_is_named(scan: Callable[..., ScanReport]):
    names = "a code of another client", "an unsigned request object", "a request_uri that was used"
    report = scan(only=some(*names), other=None)
    assert report == []
    assert [item.what for item in report.not_looked_at] == ["request objects", "what another client may do"]
    with pytest.raises(AssertionError, match=r"To look: find_holes\(..., other=Party\(...\)\)"):
        report.require_none()


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name)
def test_each_attack_is_described(attack: Attack):
    assert all(text.endswith((".", "'", ")")) for text in (attack.sends, attack.means, attack.remedy)), attack
    assert attack.clause
    assert len(set(NAMES)) == len(NAMES) == len(attacks())


@pytest.mark.parametrize(
    "url", ["https://bank.example.mallory.example/authorize", "https://bank.examples/authorize"]
)
def test_a_visitor_types_nothing_at_a_host_whose_name_begins_like_the_banks(url: str) -> None:
    steps = walk(
        url, issuer="https://bank.example", username="alice", password="wonderland", decision="approve"
    )
    with pytest.raises(ValueError, match="the URL to browse is one of"):
        next(steps)
