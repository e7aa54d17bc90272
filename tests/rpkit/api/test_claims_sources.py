"""Aggregated and distributed claims: one good source of each kind, then one thing wrong at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    JwtTooLarge,
    KeyNotFound,
    MalformedJwt,
    MissingClaim,
    NotYetValid,
    UnexpectedRedirect,
    Unreachable,
    WrongIssuer,
    WrongJwtType,
)
from rpkit import ClaimsProvider, SourcedClaims, UserInfo
from rpkit.api.claims_sources import MAX_NAMES, MAX_SOURCES, claims_from_sources
from rpkit.errors import ClaimsSourceError, UnknownClaimsSource
from tests.clocks import NOW
from tests.hands import Hand, answer
from tests.keys import a_key, b64, claims_of, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.logins import signed_in

now = int(NOW)
CREDIT, IDENTITY = "https://credit.example.test", "https://identity.example.test"
CREDIT_KEY, IDENTITY_KEY, FORGED = a_key("ES256", 51), a_key("ES256", 52), a_key("ES256", 53)
AT = "https://credit.example.test/claims?of=users"
SAID: dict[str, Any] = {
    "iss": CREDIT,
    "sub": "their-7",
    "iat": now - 60,
    "credit_score": 650,
    "shoe_size": 44,
}
VERIFIED = {"verification": {"trust_framework": "eidas"}, "claims": {"given_name": "Alice"}}
PROVIDED: dict[str, Any] = {"iss": IDENTITY, "sub": "person-7", "iat": now - 60, "verified_claims": VERIFIED}


def keys_of(*keys: Any) -> dict[str, Any]:
    return {"keys": [dict(key.public_jwk) for key in keys]}


PROVIDERS = (
    ClaimsProvider(issuer=CREDIT, jwks=keys_of(CREDIT_KEY), endpoints=[AT]),
    ClaimsProvider(issuer=IDENTITY, jwks=keys_of(IDENTITY_KEY)),
)


def changed(claims: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def a_jwt(key: Any = CREDIT_KEY, typ: str | None = None, **changes: Any) -> str:
    return mint(changed(SAID, **changes), key, typ=typ)


def provided(key: Any = IDENTITY_KEY, typ: str = "provided-claims+jwt", **changes: Any) -> str:
    return mint(changed(PROVIDED, **changes), key, typ=typ)


def refers(sources: Mapping[str, Any], **names: Any) -> UserInfo:
    return UserInfo("alice", {"sub": "alice", "_claim_names": names, "_claim_sources": sources})


def read(
    clients: Clients, of: UserInfo, *answers: Any, providers: Any = PROVIDERS
) -> tuple[SourcedClaims, Hand]:
    client, hand = clients.of(FakeBank(), claims_providers=providers), Hand(*answers)
    return hand.run(claims_from_sources(client.bank, of)), hand


def noticed(found: SourcedClaims) -> list[str]:
    return [check.detail for check in found.report.downgrades]


# Good sources


@pytest.mark.conformance("oidc-rp", "aggregated-claims")
@pytest.mark.spec("OIDC 5.6.2")
@pytest.mark.parametrize("typ", [None, "JWT"])
def test_an_aggregated_claim_is_taken_from_its_source(clients: Clients, typ: str | None) -> None:
    found, hand = read(clients, refers({"s1": {"JWT": a_jwt(typ=typ)}}, credit_score="s1"))
    assert (found.claims, found.failed) == ({"credit_score": 650}, {})
    (source,) = found.sources
    assert (source.name, source.issuer, source.subject) == ("s1", CREDIT, "their-7")
    assert source.token == a_jwt(typ=typ).rsplit(".", 1)[0] + "." + source.token.rsplit(".", 1)[1]
    assert hand.requests == []
    assert [check.outcome for check in found.report] == ["passed"]


@pytest.mark.conformance("oidc-rp", "distributed-claims")
@pytest.mark.spec("OIDC 5.6.2")
def test_a_distributed_claim_is_fetched_with_the_token_of_its_source(clients: Clients) -> None:
    of = refers({"s1": {"endpoint": AT, "access_token": "ksj3n283dke"}}, credit_score="s1")
    found, hand = read(clients, of, answer(a_jwt() + "\n", media_type="application/jwt"))
    assert found.claims == {"credit_score": 650}
    (request,) = hand.requests
    assert (request.method, request.url) == ("GET", AT)
    assert dict(request.headers) == {"accept": "application/jwt", "authorization": "Bearer ksj3n283dke"}
    assert "ksj3n283dke" not in repr((of, found, request))
    found, hand = read(clients, refers({"s1": {"endpoint": AT}}, credit_score="s1"), answer(a_jwt()))
    assert (found.claims, dict(hand.requests[0].headers)) == (
        {"credit_score": 650},
        {"accept": "application/jwt"},
    )


@pytest.mark.spec("IDA 6.1", "IDA 6.2")
@pytest.mark.parametrize("value", [VERIFIED, [VERIFIED, VERIFIED]])
def test_provided_claims_stay_with_their_source(clients: Clients, value: Any) -> None:
    found, _ = read(clients, refers({"s1": {"JWT": provided(verified_claims=value)}}, verified_claims="s1"))
    assert (found.sources[0].claims, found.sources[0].issuer) == ({"verified_claims": value}, IDENTITY)
    assert (found.claims, found.failed) == ({}, {})


@pytest.mark.spec("IDA 7", "IDA 6.1")
@pytest.mark.parametrize("place", ["id_token", "userinfo"])
def test_verified_claims_of_a_source_are_taken_as_far_as_they_were_requested(
    clients: Clients, bank: FakeBank, place: str
) -> None:
    said = {**VERIFIED, "claims": {"given_name": "Alice", "family_name": "Example"}}
    token = provided(verified_claims=[said, {**said, "verification": {"trust_framework": "gold"}}])
    referring = {"_claim_names": {"verified_claims": "s1"}, "_claim_sources": {"s1": {"JWT": token}}}
    bank.faults[place] = lambda claims: {**claims, **referring}
    bank.faults["metadata"] = lambda members: {
        **members,
        "trust_frameworks_supported": ["eidas"],
        "claims_in_verified_claims_supported": ["given_name"],
    }
    wish = {"verification": {"trust_framework": {"value": "eidas"}}, "claims": {"given_name": None}}
    client = clients.of(bank, claims_providers=PROVIDERS)
    login = signed_in(client, bank, claims={place: {"verified_claims": wish}})
    of = login.id_token if place == "id_token" else client.userinfo(login)
    report = login.report if place == "id_token" else of.report
    assert report.downgrades[-1].detail.endswith("here: for what is at a source see claims_from_sources")
    found = client.claims_from_sources(of)
    assert found.sources[0].claims == {"verified_claims": [VERIFIED]}
    assert noticed(found) == [
        "not taken, because it came unasked: claims.family_name",
        "not taken: verification.trust_framework has another value than was asked for",
    ]
    assert client.claims_from_sources(replace(of, asked_identity=None)).sources[0].claims == {
        "verified_claims": claims_of(token)["verified_claims"]
    }


@pytest.mark.spec("IDA 6.2")
def test_verified_claims_of_several_sources_are_kept_apart(clients: Clients) -> None:
    providers = (*PROVIDERS[1:], ClaimsProvider(issuer=CREDIT, jwks=keys_of(CREDIT_KEY)))
    other = provided(CREDIT_KEY, iss=CREDIT, sub="their-7")
    sources = {"s1": {"JWT": provided()}, "s2": {"JWT": other}}
    found, _ = read(clients, refers(sources, verified_claims=["s1", "s2", "s1"]), providers=providers)
    assert [(each.issuer, each.subject) for each in found.sources] == [
        (IDENTITY, "person-7"),
        (CREDIT, "their-7"),
    ]


@pytest.mark.spec("OIDC 5.6.2")
def test_what_refers_to_nothing_is_no_error_and_unknown_members_are_ignored(clients: Clients) -> None:
    for nothing in ({}, {"_claim_names": None, "_claim_sources": ""}):
        found, _ = read(clients, UserInfo("alice", {"sub": "alice", **nothing}))
        assert (found.sources, found.failed, len(found.report)) == ((), {}, 0)
    found, _ = read(clients, refers({"s1": {"JWT": a_jwt(), "since": 2020}}, credit_score="s1", height="s1"))
    assert found.claims == {"credit_score": 650}
    assert noticed(found) == ["height: source s1 does not have it"]


# One source that fails loses its own claims, and nothing else


def none_alg(claims: Mapping[str, Any]) -> str:
    return ".".join((b64(b'{"alg":"none"}'), b64(json.dumps(claims).encode()), ""))


OTHER_JWT: dict[str, tuple[Any, type[FapiError]]] = {
    "another key": (a_jwt(FORGED), KeyNotFound),
    "a forged signature": (a_jwt()[:-8] + "AAAAAAAA", BadSignature),
    "no algorithm": (none_alg(SAID), ForbiddenAlgorithm),
    "a forbidden algorithm": (a_jwt(a_key("RS256", 1)), ForbiddenAlgorithm),
    "an unknown issuer": (a_jwt(iss="https://evil.example.test"), UnknownClaimsSource),
    "no issuer": (a_jwt(iss=None), UnknownClaimsSource),
    "the name of another issuer": (a_jwt(iss=IDENTITY), KeyNotFound),
    "expired": (a_jwt(exp=now - 31), Expired),
    "of tomorrow": (a_jwt(iat=now + 86_400), NotYetValid),
    "for another client": (a_jwt(aud="another"), ClaimsSourceError),
    "an ID token of its issuer": (a_jwt(aud=CLIENT_ID, nonce="n"), ForbiddenClaim),
    "an ID token without nonce": (a_jwt(aud=CLIENT_ID, auth_time=now), ForbiddenClaim),
    "an access token": (a_jwt(typ="at+jwt"), WrongJwtType),
    "a logout token": (a_jwt(typ="logout+jwt"), WrongJwtType),
    "an event": (a_jwt(events={}), ForbiddenClaim),
    "verified claims without their type": (a_jwt(verified_claims=VERIFIED), ForbiddenClaim),
    "encrypted": ("a.b.c.d.e", MalformedJwt),
    "no JWT": ("no JWT", MalformedJwt),
    "a number": (7, ClaimsSourceError),
    "too long": (a_jwt(more="x" * 70_000), JwtTooLarge),
}


@pytest.mark.spec("OIDC 5.6.2")
@pytest.mark.parametrize("what", OTHER_JWT)
def test_a_source_that_fails_loses_its_own_claims_and_no_others(clients: Clients, what: str) -> None:
    token, error = OTHER_JWT[what]
    sources = {"bad": {"JWT": token}, "good": {"JWT": provided()}}
    found, _ = read(clients, refers(sources, credit_score="bad", verified_claims="good"))
    assert type(found.failed["bad"]) is error
    assert found.failed["bad"].__traceback__ is None, "its frames would hold what the source said"
    assert found.claims == {}
    assert [source.name for source in found.sources] == ["good"]
    assert noticed(found)[0].startswith("bad: its claims are lost: ")


PROVIDED_WRONG: dict[str, tuple[str, type[FapiError], str]] = {
    "an end": (provided(exp=now + 300), ForbiddenClaim, "IDA 6.2"),
    "an audience": (provided(aud=CLIENT_ID), ForbiddenClaim, "IDA 6.2"),
    "no subject": (provided(sub=None), MissingClaim, "IDA 6.2"),
    "its issuer as its subject": (provided(sub=IDENTITY), ForbiddenClaim, "RFC 8725 3.12"),
    "nothing verified": (provided(verified_claims=None), MissingClaim, "IDA 6.2"),
    "an empty object": (provided(verified_claims={}), ClaimsSourceError, "IDA 6.2"),
    "an empty list": (provided(verified_claims=[]), ClaimsSourceError, "IDA 6.2"),
    "without verification": (provided(verified_claims={"claims": {"a": 1}}), ClaimsSourceError, "IDA 6.2"),
    "one of two without claims": (
        provided(verified_claims=[VERIFIED, {**VERIFIED, "claims": {}}]),
        ClaimsSourceError,
        "IDA 6.2",
    ),
    "another key": (provided(FORGED), KeyNotFound, "RFC 7515 6"),
    "another type": (provided(typ="application/other+jwt"), WrongJwtType, "OIDC 5.6.2"),
}


@pytest.mark.spec("IDA 6.1", "IDA 6.2")
@pytest.mark.parametrize("what", PROVIDED_WRONG)
def test_provided_claims_with_one_thing_wrong(clients: Clients, what: str) -> None:
    token, error, clause = PROVIDED_WRONG[what]
    found, _ = read(clients, refers({"s1": {"JWT": token}}, verified_claims="s1"))
    assert found.sources == ()
    assert type(found.failed["s1"]) is error
    if error is not KeyNotFound:
        assert found.failed["s1"].clause == clause


SOURCES: dict[str, tuple[Any, type[FapiError]]] = {
    "a string": (a_jwt(), ClaimsSourceError),
    "nothing": ({}, ClaimsSourceError),
    "both": ({"JWT": a_jwt(), "endpoint": AT}, ClaimsSourceError),
    "another path": ({"endpoint": "https://credit.example.test/admin"}, UnknownClaimsSource),
    "another query": ({"endpoint": f"{AT}&admin=1"}, UnknownClaimsSource),
    "another case": ({"endpoint": AT.replace("https", "HTTPS")}, UnknownClaimsSource),
    "user info in front": ({"endpoint": "https://credit.example.test@10.0.0.8/claims"}, UnknownClaimsSource),
    "a neighbour": ({"endpoint": "https://169.254.169.254/latest"}, UnknownClaimsSource),
    "a file": ({"endpoint": "file:///etc/passwd"}, UnknownClaimsSource),
    "a list of endpoints": ({"endpoint": [AT]}, UnknownClaimsSource),
    "a number as token": ({"endpoint": AT, "access_token": 7}, ClaimsSourceError),
    "a line in the token": ({"endpoint": AT, "access_token": "a\r\nx-evil: 1"}, ClaimsSourceError),
}


@pytest.mark.spec("OIDC 5.6.2")
@pytest.mark.parametrize("what", SOURCES)
def test_nothing_is_called_that_the_settings_do_not_name(clients: Clients, what: str) -> None:
    source, error = SOURCES[what]
    found, hand = read(clients, refers({"s1": source}, credit_score="s1"))
    assert type(found.failed["s1"]) is error
    assert (found.sources, hand.requests) == ((), [])


ANSWERS: dict[str, tuple[Any, type[FapiError]]] = {
    "not there": (answer(a_jwt(), status=404), ClaimsSourceError),
    "unauthorized": (answer(b"", status=401), ClaimsSourceError),
    "a redirect": (UnexpectedRedirect("elsewhere"), UnexpectedRedirect),
    "no answer": (Unreachable("nobody"), Unreachable),
    "JSON": (answer({"credit_score": 650}), MalformedJwt),
    "nothing": (answer(b""), MalformedJwt),
    "of another issuer": (answer(mint({**SAID, "iss": IDENTITY}, IDENTITY_KEY)), WrongIssuer),
}


@pytest.mark.spec("OIDC 5.6.2")
@pytest.mark.parametrize("what", ANSWERS)
def test_an_endpoint_that_gives_no_claims_of_its_issuer(clients: Clients, what: str) -> None:
    came, error = ANSWERS[what]
    sources = {"far": {"endpoint": AT}, "near": {"JWT": provided()}}
    found, hand = read(clients, refers(sources, credit_score="far", verified_claims="near"), came)
    assert type(found.failed["far"]) is error
    assert [source.name for source in found.sources] == ["near"]
    assert len(hand.requests) == 1


# What the bank says of its sources


@pytest.mark.spec("IDA 6.2")
@pytest.mark.parametrize(
    ("names", "sources", "said"),
    [
        (
            {"credit_score": "s2"},
            {"s1": {"JWT": a_jwt()}},
            "credit_score: its source is not in _claim_sources",
        ),
        (
            {"credit_score": ["s1"]},
            {"s1": {"JWT": a_jwt()}},
            "credit_score: its source is not in _claim_sources",
        ),
        (
            {"verified_claims": []},
            {"s1": {"JWT": a_jwt()}},
            "verified_claims: its source is not in _claim_sources",
        ),
        ({}, {"s1": {"JWT": a_jwt()}}, "s1: _claim_names takes no claim from it"),
        (["credit_score"], {"s1": {"JWT": a_jwt()}}, "must both be objects: nothing is taken"),
        ({"credit_score": "s1"}, None, "must both be objects: nothing is taken"),
        ({"credit_score": "s1"}, [a_jwt()], "must both be objects: nothing is taken"),
        ({"sub": "s1"}, {"s1": {"JWT": a_jwt()}}, "sub: only the bank itself can say it"),
        ({"iss": "s1"}, {"s1": {"JWT": a_jwt()}}, "iss: only the bank itself can say it"),
        ({"acr": "s1"}, {"s1": {"JWT": a_jwt(acr="high")}}, "acr: only the bank itself can say it"),
        ({f"c{n}": "s1" for n in range(MAX_NAMES + 1)}, {"s1": {"JWT": a_jwt()}}, "more than 100 members"),
    ],
)
def test_names_and_sources_must_agree(clients: Clients, names: Any, sources: Any, said: str) -> None:
    of = UserInfo("alice", {"sub": "alice", "_claim_names": names, "_claim_sources": sources})
    found, _ = read(clients, of)
    assert (found.claims, found.failed) == ({}, {})
    assert any(said in line for line in noticed(found)), noticed(found)


def test_sources_beyond_the_budget_are_left_out(clients: Clients) -> None:
    names = {f"c{number}": f"s{number}" for number in range(MAX_SOURCES + 2)}
    sources = {f"s{number}": {"JWT": a_jwt(**{f"c{number}": number})} for number in range(MAX_SOURCES + 2)}
    found, _ = read(clients, refers(sources, **names))
    assert len(found.sources) == MAX_SOURCES
    assert {str(error.message) for error in found.failed.values()} == {"there are more than 10 sources"}


def test_slow_sources_use_up_the_time_of_the_later_ones(clients: Clients) -> None:
    bank = FakeBank()
    client = clients.of(bank, claims_providers=PROVIDERS)

    def slowly(_: Any) -> Any:
        bank.clock.advance(16)
        return answer(a_jwt())

    of = refers({"s1": {"endpoint": AT}, "s2": {"endpoint": AT}}, credit_score="s1", shoe_size="s2")
    hand = Hand(slowly)
    found = hand.run(claims_from_sources(client.bank, of))
    assert (found.claims, len(hand.requests)) == ({"credit_score": 650}, 1)
    assert "took longer than 15 seconds" in found.failed["s2"].message


def test_an_issuer_is_believed_only_for_its_claims(clients: Clients) -> None:
    providers = [ClaimsProvider(issuer=CREDIT, jwks=keys_of(CREDIT_KEY), claims=["shoe_size"])]
    of = refers({"s1": {"JWT": a_jwt()}}, credit_score="s1", shoe_size="s1")
    found, _ = read(clients, of, providers=providers)
    assert found.claims == {"shoe_size": 44}
    assert noticed(found) == [f"credit_score: claims_providers does not believe {CREDIT} for it"]


def test_what_a_bank_writes_makes_no_lines_of_its_own(clients: Clients) -> None:
    found, _ = read(clients, refers({"s\npassed everything": {}}, **{"a\npassed": "s\npassed everything"}))
    assert len(str(found.report).splitlines()) == 1


def test_without_settings_nobody_is_believed(clients: Clients) -> None:
    found, hand = read(
        clients,
        refers({"s1": {"JWT": a_jwt()}, "s2": {"endpoint": AT}}, credit_score="s1", shoe_size="s2"),
        providers=(),
    )
    assert {type(error) for error in found.failed.values()} <= {UnknownClaimsSource, ForbiddenAlgorithm}
    assert (found.sources, hand.requests) == ((), [])


def test_an_essential_claim_at_a_source_is_told_as_such(clients: Clients, bank: FakeBank) -> None:
    bank.user |= {"_claim_names": {"credit_score": "s1"}, "_claim_sources": {"s1": {"JWT": a_jwt()}}}
    client = clients.of(bank, claims_providers=PROVIDERS)
    found = client.userinfo(
        signed_in(client, bank, claims={"userinfo": {"credit_score": {"essential": True}}})
    )
    assert found.unmet == ("credit_score",)
    assert found.report.downgrades[0].detail == "at a source: see claims_from_sources"
    assert client.claims_from_sources(found).claims == {"credit_score": 650}


def test_it_takes_what_was_verified_before(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, claims_providers=PROVIDERS)
    assert client.claims_from_sources(signed_in(client, bank).id_token).sources == ()
    with pytest.raises(ConfigurationError, match="takes a UserInfo or an IdToken"):
        client.claims_from_sources({"_claim_names": {}})


# Settings


@pytest.mark.spec("OIDC 5.6.2", "IDA 6.1")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": ""}, "issuer is missing"),
        ({"jwks": None}, "give one of jwks_uri and jwks"),
        ({"jwks_uri": "https://credit.example.test/keys"}, "give one of jwks_uri and jwks"),
        (
            {"jwks": None, "jwks_uri": "http://credit.example.test/keys"},
            "jwks_uri of .* must be an https URL",
        ),
        ({"jwks": {"keys": []}}, "has no usable key"),
        ({"endpoints": AT}, "endpoints.* is one string: put it into a list"),
        ({"endpoints": ["http://credit.example.test/claims"]}, "must be https URLs without fragment"),
        ({"endpoints": [f"{AT}#x"]}, "must be https URLs without fragment"),
        ({"claims": "credit_score"}, "claims.* is one string: put it into a list"),
        ({"claims": []}, "claims of .* is empty: leave it out"),
        ({"algorithms": []}, "algorithms of .* is empty: leave it out"),
    ],
)
def test_a_provider_that_could_not_be_used_is_refused(changes: dict[str, Any], said: str) -> None:
    given = {"issuer": CREDIT, "jwks": keys_of(CREDIT_KEY), "endpoints": [AT], **changes}
    with pytest.raises(ConfigurationError, match=said):
        ClaimsProvider(**given)


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        ([PROVIDERS[0], PROVIDERS[0]], "is given twice"),
        (
            [PROVIDERS[0], ClaimsProvider(issuer=IDENTITY, jwks=keys_of(IDENTITY_KEY), endpoints=[AT])],
            "at two issuers",
        ),
        ([{"issuer": CREDIT}], "must be a list of ClaimsProvider"),
        (
            [ClaimsProvider(issuer=CREDIT, jwks=keys_of(CREDIT_KEY), algorithms=["RS256"])],
            "RS256",
        ),
    ],
)
def test_providers_that_contradict_each_other_are_refused(
    clients: Clients, bank: FakeBank, providers: Any, said: str
) -> None:
    with pytest.raises(FapiError, match=said):
        clients.of(bank, claims_providers=providers)
