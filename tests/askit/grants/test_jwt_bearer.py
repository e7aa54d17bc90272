"""The JWT bearer grant: one valid assertion, then one thing wrong at a time; whose assertions count; once each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from askit import Config
from fapikit import HttpSettings
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, OTHER, Bank, an_api, settings
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENT, PAYMENTS, PlainClient, fresh, without
from tests.keys import a_key, claims_of, mint

pytestmark = pytest.mark.anyio

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PARTNER = "https://partner.example.test"
KEYS_AT = f"{PARTNER}/jwks"
PARTNER_KEY, FORGED = a_key("ES256", 31), a_key("ES256", 32)
KEYS = {"keys": [dict(PARTNER_KEY.public_jwk)]}
OF_FINTECH = {**FINTECH, "grant_types": [*FINTECH["grant_types"], BEARER]}
CLIENTS = [
    OF_FINTECH,
    {**OTHER, "grant_types": [BEARER]},
    an_api("accounts-api", 3),
    an_api("payments-api", 4),
]
TRUST: dict[str, Any] = {
    "issuer": PARTNER,
    "jwks": KEYS,
    "clients": ["fintech"],
    "subjects": {"p-17": "alice"},
    "scopes": ["accounts"],
}


def a_bank(trust: Mapping[str, Any] | None = None, **changes: Any) -> Bank:
    return Bank(**{"clients": CLIENTS, "trusted_issuers": [without({**TRUST, **(trust or {})})], **changes})


def assertion(bank: Bank, key: Any = PARTNER_KEY, typ: str | None = None, **changes: Any) -> str:
    now = int(bank.clock())
    claims = {"iss": PARTNER, "sub": "p-17", "aud": ISSUER, "iat": now, "exp": now + 120, "jti": fresh("a")}
    return mint(without({**claims, **changes}), key, typ=typ)


def form(text: str | None, **changes: Any) -> dict[str, Any]:
    return without({"grant_type": BEARER, "assertion": text, "scope": "accounts", **changes})


async def refusal(client: PlainClient, asked: Mapping[str, Any], **more: Any) -> tuple[str, str]:
    response = await client.token(asked, **more)
    assert response.status_code == 400, response.text
    return response.json()["error"], response.json()["error_description"]


@pytest.mark.spec("RFC 7521 4.1b", "RFC 7523 3-2")
@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token"])
@pytest.mark.parametrize("typ", [None, "JWT"])
async def test_an_assertion_gives_a_token_of_its_user(aud: str, typ: str | None) -> None:
    bank = a_bank()
    client = bank.client()
    response = await client.token(form(assertion(bank, aud=aud, typ=typ)))
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["scope"], answer["token_type"]) == ("accounts", "DPoP")
    assert not {"refresh_token", "id_token"} & answer.keys()
    claims = claims_of(answer["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("user-alice", "fintech", ACCOUNTS)
    assert claims["cnf"] == {"jkt": client.dpop_key.thumbprint}
    assert not {"acr", "auth_time"} & claims.keys()  # nobody signed in here
    assert answer["expires_in"] <= 150  # the assertion, and the tolerance for clocks


async def test_without_a_scope_it_gives_all_that_the_issuer_may_give() -> None:
    bank = a_bank()
    response = await bank.client().token(form(assertion(bank), scope=None))
    assert response.json()["scope"] == "accounts"


async def test_an_assertion_may_be_long() -> None:
    bank = a_bank()
    assert (await bank.client().token(form(assertion(bank, note="x" * 9_000)))).status_code == 200


async def test_a_subject_may_be_a_user_name() -> None:
    bank = a_bank({"subjects": {"p-17": "alice"}, "subjects_are_usernames": True})
    for subject, sub in (("bob", "bob"), ("p-17", "user-alice")):
        response = await bank.client().token(form(assertion(bank, sub=subject)))
        assert claims_of(response.json()["access_token"])["sub"] == sub


@pytest.mark.spec("RFC 7523 3-7")
async def test_an_assertion_is_used_once() -> None:
    bank = a_bank({"clients": ["fintech", "other"]})
    text = assertion(bank)
    assert (await bank.client().token(form(text))).status_code == 200
    for client in (bank.client(), bank.client("other")):
        code, why = await refusal(client, form(text))
        assert code == "invalid_grant"
        assert "used before" in why
    bank.clock.advance(149)  # while it is still accepted at all
    assert "used before" in (await refusal(bank.client(), form(text)))[1]


async def test_a_nonce_challenge_or_a_wrong_scope_does_not_use_it_up() -> None:
    bank = a_bank()
    client, text = bank.client(), assertion(bank)
    challenged = await client.token(form(text), proof=client.proof("POST", f"{ISSUER}/token"))
    assert challenged.json()["error"] == "use_dpop_nonce"
    assert (await refusal(client, form(text, scope="payments")))[0] == "invalid_scope"
    assert (await client.token(form(text))).status_code == 200


async def test_a_proof_is_used_once() -> None:
    bank = a_bank()
    client = bank.client()
    await client.token(form(assertion(bank)))
    proof = client.proof("POST", f"{ISSUER}/token")
    assert (await client.token(form(assertion(bank)), proof=proof)).status_code == 200
    assert (await refusal(client, form(assertion(bank)), proof=proof))[0] == "invalid_dpop_proof"


async def test_a_client_gets_no_scope_that_it_may_not_have() -> None:
    bank = a_bank(
        {"scopes": ["accounts", "payments"]}, clients=[{**OF_FINTECH, "scope": "accounts"}, *CLIENTS[1:]]
    )
    code, why = await refusal(bank.client(), form(assertion(bank), scope="payments"))
    assert code == "invalid_scope"
    assert "not allowed for this client" in why
    response = await bank.client().token(form(assertion(bank), scope=None))
    assert response.json()["scope"] == "accounts"


async def test_an_assertion_that_says_its_scope_gives_no_more() -> None:
    bank = a_bank({"scopes": ["accounts", "payments"]})
    narrow = {"scope": "accounts mortgages"}
    assert (await refusal(bank.client(), form(assertion(bank, **narrow), scope="payments")))[
        0
    ] == "invalid_scope"
    answers = [
        await bank.client().token(form(assertion(bank, **narrow), scope=asked))
        for asked in (None, "accounts")
    ]
    assert [answer.json()["scope"] for answer in answers] == ["accounts", "accounts"]
    assert (await refusal(bank.client(), form(assertion(bank, scope="x"), scope=None)))[0] == "invalid_scope"


async def test_an_issuer_may_be_held_to_fewer_algorithms() -> None:
    bank = a_bank({"algorithms": ["PS256"]})
    assert "algorithm" in (await refusal(bank.client(), form(assertion(bank))))[1]


CASES: list[tuple[dict[str, Any], str]] = [
    ({"iss": None}, "not trusted for this client"),
    ({"iss": "https://elsewhere.example.test"}, "not trusted for this client"),
    ({"iss": f"{PARTNER}/"}, "not trusted for this client"),
    ({"sub": None}, "has no sub"),
    ({"sub": "alice"}, "not a user here"),
    ({"sub": PARTNER}, "as in a client assertion"),
    ({"aud": None}, "has no aud"),
    ({"aud": "https://other-bank.example.test"}, "another recipient"),
    ({"aud": f"{ISSUER}/"}, "another recipient"),
    ({"aud": [ISSUER, "https://other-bank.example.test"]}, "other recipients too"),
    ({"exp": None}, "has no exp"),
    ({"exp": 1_800_000_000 - 31}, "has expired"),
    ({"exp": 1_800_000_000 + 301}, "for more than 300 seconds"),
    ({"exp": "soon"}, "exp is not a number"),
    ({"nbf": 1_800_000_000 + 31}, "in the future"),
    ({"iat": 1_800_000_000 + 31}, "in the future"),
    ({"iat": 1_800_000_000 - 331}, "too long ago"),
    ({"jti": None}, "has no jti"),
    ({"cnf": {"jkt": "x" * 43}}, "must not have cnf"),
    ({"nonce": "n"}, "must not have nonce"),
    ({"client_id": "fintech"}, "must not have client_id"),
    ({"azp": "fintech"}, "must not have azp"),
    ({"events": {}}, "must not have events"),
    ({"act": {"sub": "p-api"}}, "must not have act"),
    ({"may_act": {"sub": "p-api"}}, "must not have may_act"),
    ({"scope": ["accounts"]}, "scope of this assertion is not a string"),
    ({"sub_id": {"format": "opaque", "id": "p-17"}}, "must not have sub_id"),
    ({"key": FORGED}, "no key"),
    ({"typ": "at+jwt"}, "typ of this assertion"),
    ({"typ": "client-authentication+jwt"}, "typ of this assertion"),
    ({"typ": "dpop+jwt"}, "typ of this assertion"),
]


@pytest.mark.spec(
    "RFC 7523 3-1", "RFC 7523 3-3", "RFC 7523 3-4", "RFC 7523 3-5", "RFC 7523 3-6", "RFC 7523 3-9"
)
@pytest.mark.spec("RFC 7523 3.1b", "RFC 7521 3", "rfc7523bis 4d")
@pytest.mark.parametrize("changes, why", CASES)
async def test_one_thing_wrong(changes: dict[str, Any], why: str) -> None:
    bank = a_bank()
    code, told = await refusal(bank.client(), form(assertion(bank, **changes)))
    assert code == "invalid_grant"
    assert why in told


async def test_a_changed_assertion_is_refused() -> None:
    bank = a_bank()
    head, _, tail = assertion(bank).split(".")
    other = assertion(bank, sub="p-18").split(".")[1]
    assert "signature" in (await refusal(bank.client(), form(f"{head}.{other}.{tail}")))[1]
    unsigned = mint({"iss": PARTNER}, PARTNER_KEY, header={"alg": "none"})
    assert "algorithm" in (await refusal(bank.client(), form(unsigned)))[1]


async def test_an_assertion_that_authenticates_a_client_is_no_grant_and_the_reverse() -> None:
    bank = a_bank()
    client = bank.client()
    assert "not trusted" in (await refusal(client, form(client.assertion())))[1]
    as_client = client.authentication(assertion(bank, sub="fintech"))
    response = await client.token(form(assertion(bank)), authentication=as_client)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changes, code, why",
    [
        ({"assertion": None}, "invalid_request", "assertion is missing"),
        ({"assertion": "no.jwt"}, "invalid_grant", "three parts"),
        ({"scope": "payments"}, "invalid_scope", "not one that this assertion gives"),
        ({"scope": "openid"}, "invalid_scope", "not one that this assertion gives"),
        ({"resource": PAYMENTS}, "invalid_target", "not granted"),
        ({"resource": "https://elsewhere.example.test"}, "invalid_target", "not granted"),
        ({"authorization_details": [PAYMENT]}, "invalid_authorization_details", "not granted"),
    ],
)
@pytest.mark.spec("RFC 7521 4.1a")
async def test_one_thing_wrong_in_the_request(changes: dict[str, Any], code: str, why: str) -> None:
    bank = a_bank()
    found, told = await refusal(bank.client(), without({**form(assertion(bank)), **changes}))
    assert found == code
    assert why in told


async def test_only_the_clients_of_an_issuer_hand_its_assertions_in() -> None:
    bank = a_bank()
    assert "not trusted for this client" in (await refusal(bank.client("other"), form(assertion(bank))))[1]


@pytest.mark.spec("RFC 7523 3.1a")
async def test_a_public_client_hands_in_nothing() -> None:
    app = {**OF_FINTECH, "token_endpoint_auth_method": "none"}
    app.pop("jwks")
    bank = Bank(profile="oauth-2.1", clients=[app, an_api("accounts-api", 3), an_api("payments-api", 4)])
    code, why = await refusal(bank.client(), form("a.b.c"), authentication={"client_id": "fintech"})
    assert code == "unauthorized_client"
    assert "public client" in why


async def test_a_token_ends_with_its_user() -> None:
    bank = a_bank()
    token = (await bank.client().token(form(assertion(bank)))).json()["access_token"]
    seen = (await bank.client("accounts-api").introspect(token)).json()
    assert (seen["active"], seen["sub"]) == (True, "user-alice")
    bank.server.core.users._by_name.pop("alice")
    assert (await bank.client("accounts-api").introspect(token)).json() == {"active": False}


async def test_the_keys_are_fetched_and_a_failure_says_nothing_about_the_assertion() -> None:
    asked: list[str] = []
    down = False

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(503) if down else httpx.Response(200, content=json.dumps(KEYS))

    outside = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    bank = a_bank({"jwks": None, "jwks_uri": KEYS_AT}, http=HttpSettings(async_client=outside))
    down = True
    text = assertion(bank)
    undecided = await bank.client().token(form(text))
    assert (undecided.status_code, undecided.json()["error"]) == (503, "temporarily_unavailable")
    down = False
    bank.clock.advance(10)
    assert (await bank.client().token(form(text))).status_code == 200
    assert set(asked) == {KEYS_AT}
    before = len(asked)
    await refusal(bank.client(), form(assertion(bank, iss="https://elsewhere.example.test")))
    assert len(asked) == before  # an issuer that nobody trusts causes no call


# Configuration


@pytest.mark.parametrize(
    "trust, why",
    [
        ({"issuer": ISSUER}, "is this server"),
        ({"issuer": "fintech"}, "one of its clients"),
        ({"jwks": None}, "give one of jwks_uri"),
        ({"jwks_uri": KEYS_AT}, "give one of jwks_uri"),
        ({"jwks": None, "jwks_uri": "http://partner.example.test/jwks"}, "must be an https URL"),
        ({"jwks": {"keys": []}}, "no usable key"),
        ({"subjects": None}, "subjects of"),
        ({"subjects": {"p-17": "nobody"}}, "no configured user"),
        ({"clients": []}, "clients of"),
        ({"clients": ["nobody"]}, "no configured client"),
        ({"clients": ["accounts-api"]}, "grant_types do not have"),
        ({"scopes": []}, "scopes of"),
        ({"scopes": ["unheard"]}, "which no API has"),
        ({"scopes": ["openid"]}, "which no API has"),
        ({"audiences": []}, "audiences of"),
        ({"max_lifetime": 3601}, "more than 3600 seconds"),
        ({"algorithms": ["RS256"]}, "RS256"),
        ({"audience": "x"}, "did you mean audiences"),
    ],
)
def test_an_issuer_that_cannot_work_is_refused(trust: dict[str, Any], why: str) -> None:
    members = settings(clients=CLIENTS, trusted_issuers=[without({**TRUST, **trust})])
    with pytest.raises(ConfigurationError) as refused:
        Config.from_mapping(members)
    assert why in refused.value.message


def test_the_keys_may_be_in_a_file(tmp_path: Any) -> None:
    (tmp_path / "partner.json").write_text(json.dumps(KEYS))
    trust = without({**TRUST, "jwks": None, "jwks_file": "partner.json"})
    config = Config.from_mapping(settings(clients=CLIENTS, trusted_issuers=[trust]), base=tmp_path)
    assert config.trusted_issuers[0].jwks == KEYS
    (tmp_path / "partner.json").write_text("[")
    with pytest.raises(ConfigurationError, match=r"partner\.json cannot be read"):
        Config.from_mapping(settings(clients=CLIENTS, trusted_issuers=[trust]), base=tmp_path)
