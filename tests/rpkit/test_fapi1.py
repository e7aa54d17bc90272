"""The rules of FAPI 1 for a client, Baseline and Advanced: for each what holds, and single changes that are refused."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fapikit import FAPI1_ADVANCED, PrivateKeyJWT, Quirk
from fapikit.client_authentication import (
    ClientSecretBasic,
    ClientSecretJWT,
    ClientSecretPost,
    PublicClient,
)
from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile, MissingMetadata
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.quirks import QuirkEndsSoon
from rpkit import RegisteredBank, Registry, TokenSet
from rpkit.errors import (
    MissingIdToken,
    MissingState,
    UnaskedScope,
    WrongAcr,
    WrongRedirectUri,
    WrongResponseMode,
    WrongState,
)
from tests.keys import a_key, claims_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank
from tests.mothers.fapi1 import ADVANCED, BASELINE

SECRET = "a secret of more than thirty-two octets, as HS256 asks"


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank(dpop=False, nonces=False, acr="urn:loa:3")


def login(client: Any, bank: FakeBank, **asked: Any) -> Any:
    start = client.begin(**{"scope": "openid accounts", **asked})
    return client.complete(bank.authorize(start.url), start.transaction)


# --- what a client may be --------------------------------------------------------------------------


@pytest.mark.spec("FAPI1-BL 5.2.4-1; FAPI1-BL 5.2.3-1, -2")
@pytest.mark.parametrize(
    "auth",
    [PrivateKeyJWT(a_key("PS256")), ClientSecretJWT(SECRET), PublicClient()],
    ids=lambda auth: auth.method,
)
def test_clients_of_baseline(auth: Any, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **BASELINE, auth=auth)
    assert login(client, bank).id_token.subject == "alice"
    (pushed,) = bank.calls("par")
    assert pushed.form["code_challenge_method"] == "S256"
    assert ("client_assertion" in pushed.form) is (auth.method != "none")


@pytest.mark.spec("FAPI1-ADV 5.2.3, 5.2.3-1, 5.2.3.1-5, 6.2.2")
@pytest.mark.parametrize("jarm", [False, True], ids=["hybrid", "jarm"])
@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_clients_of_advanced(alg: str, jarm: bool, clients: Clients, bank: FakeBank) -> None:
    mode = {"response_mode": "jwt"} if jarm else {}
    client = clients.of(bank, **ADVANCED, **mode, auth=PrivateKeyJWT(a_key(alg)))
    assert login(client, bank).id_token.subject == "alice"


FORBIDDEN: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a secret in the header": (BASELINE, {"auth": ClientSecretBasic(SECRET)}, "FAPI1-BL 5.2.2-4"),
    "a secret in the form": (BASELINE, {"auth": ClientSecretPost(SECRET)}, "FAPI1-BL 5.2.2-4"),
    "a secret": (ADVANCED, {"auth": ClientSecretJWT(SECRET)}, "FAPI1-ADV 5.2.2-14"),
    "a public client": (ADVANCED, {"auth": PublicClient()}, "FAPI1-ADV 5.2.2-16"),
    "an assertion by RS256": (ADVANCED, {"auth": PrivateKeyJWT(a_key("RS256"))}, "FAPI1-ADV 8.6-1"),
    "an assertion by EdDSA": (ADVANCED, {"auth": PrivateKeyJWT(a_key("Ed25519"))}, "FAPI1-ADV 8.6-1"),
    "an assertion for somebody": (ADVANCED, {"assertion_audience": "bank"}, "RFC 7523 3-3"),
    "requests by RS256": (ADVANCED, {"request_signer": a_key("RS256")}, "FAPI1-ADV 8.6-1"),
    "ID tokens by RS256": (ADVANCED, {"id_token_signed_response_alg": "RS256"}, "FAPI1-ADV 8.6-1"),
    "responses by EdDSA": (ADVANCED, {"authorization_signed_response_alg": "EdDSA"}, "FAPI1-ADV 8.6-1"),
    "UserInfo by ES384": (ADVANCED, {"userinfo_signed_response_alg": "ES384"}, "FAPI1-ADV 8.6-1"),
    "unsigned requests": (ADVANCED, {"signed_requests": False}, "FAPI1-ADV 5.2.2-1"),
    "a plain code": (
        ADVANCED, {"response_type": "code", "response_mode": "form_post"}, "FAPI1-ADV 5.2.2-2"
    ),
    "a code in the query": (ADVANCED, {"response_type": "code", "response_mode": "query"}, "FAPI1-ADV 5.2.2-2"),
    "an implicit answer": (ADVANCED, {"response_type": "id_token"}, "FAPI1-ADV 5.2.2-2"),
    "bearer tokens": (ADVANCED, {"sender_constraint": None}, "FAPI1-ADV 5.2.2-5"),
    "tokens bound by DPoP": (ADVANCED, {"sender_constraint": "dpop"}, "FAPI1-ADV 8.2"),
    "a redirect in clear text": (BASELINE, {"redirect_uri": "http://fintech.example/cb"}, "FAPI1-BL 5.2.2-20"),
    "a redirect to loopback": (BASELINE, {"redirect_uri": "http://127.0.0.1:1/cb"}, "FAPI1-BL 7.5-2"),
}  # fmt: skip


@pytest.mark.spec("FAPI1-ADV 5.2.2-1, -2, -14, -16, 8.2, 8.6-1; FAPI1-BL 5.2.2-4, -20, 7.5-2")
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_client_that_the_profile_forbids(what: str, clients: Clients, bank: FakeBank) -> None:
    options, change, clause = FORBIDDEN[what]
    with pytest.raises(ForbiddenByProfile) as caught:
        clients.of(bank, **{**options, **change})
    assert caught.value.clause == clause
    assert not bank.calls("par")


@pytest.mark.spec("FAPI1-ADV 8.6.1-1")
@pytest.mark.parametrize(
    "name", ["id_token_encrypted_response", "authorization_encrypted_response", "request_object_encryption"]
)
def test_rsa1_5_is_never_agreed(name: str, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match="RSA1_5 is not allowed") as caught:
        clients.of(
            bank,
            **ADVANCED,
            **{f"{name}_alg": "RSA1_5", "decryption_keys": [DecryptionKey.generate("RSA-OAEP")]},
        )
    assert caught.value.clause == "FAPI1-ADV 8.6.1-1"


# --- what it asks for ------------------------------------------------------------------------------


@pytest.mark.spec("FAPI1-BL 5.2.3-7, -8, -9")
@pytest.mark.parametrize("options", [BASELINE, ADVANCED], ids=["baseline", "advanced"])
def test_state_always_and_a_nonce_with_openid(
    options: dict[str, Any], clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank, **{**options, "response_type": "code", "response_mode": "jwt"})
    for scope in ("openid accounts", "accounts"):
        client.begin(scope=scope)
        form = bank.calls("par")[-1].form
        asked = claims_of(form["request"]) if "request" in form else form
        assert len(asked["state"]) == 43
        assert ("nonce" in asked) is ("openid" in scope)


@pytest.mark.parametrize("audience", ["issuer", "token_endpoint"])
def test_assertions_may_be_for_issuer_or_token_endpoint(
    audience: str, clients: Clients, bank: FakeBank
) -> None:
    login(clients.of(bank, **BASELINE, assertion_audience=audience), bank)
    assertion = claims_of(bank.calls("token")[-1].form["client_assertion"])
    assert assertion["aud"] == (bank.issuer if audience == "issuer" else bank.url("token"))


@pytest.mark.spec("FAPI1-ADV 5.2.3.1-1")
def test_the_hybrid_flow_is_openid(clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match="openid"):
        clients.of(bank, **ADVANCED).begin(scope="accounts")


@pytest.mark.spec("FAPI1-ADV 5.2.3-3")
def test_a_level_is_asked_as_essential_and_checked(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **ADVANCED)
    found = login(client, bank, acr_values=["urn:loa:4", "urn:loa:3"], claims={"userinfo": {"name": None}})
    inside = claims_of(bank.calls("par")[-1].form["request"])
    assert inside["acr_values"] == "urn:loa:4 urn:loa:3"
    assert inside["claims"] == {
        "userinfo": {"name": None},
        "id_token": {"acr": {"essential": True, "values": ["urn:loa:4", "urn:loa:3"]}},
    }
    assert "passed ID token: acr" in str(found.report)


def test_what_the_application_says_of_acr_stays(clients: Clients, bank: FakeBank) -> None:
    own = {"id_token": {"acr": {"essential": True, "value": "urn:loa:3"}, "name": None}}
    login(clients.of(bank, **ADVANCED), bank, acr_values="urn:loa:3", claims=own)
    assert claims_of(bank.calls("par")[-1].form["request"])["claims"] == own


@pytest.mark.parametrize(
    ("options", "document"),
    [(BASELINE, {}), (ADVANCED, {"claims_parameter_supported": False})],
    ids=["Baseline", "a bank that takes no claims parameter"],
)
def test_elsewhere_acr_values_alone_are_sent_and_checked(
    options: dict[str, Any], document: dict[str, Any], clients: Clients, bank: FakeBank
) -> None:
    bank.faults["metadata"] = lambda members: {**members, **document}
    client = clients.of(bank, **options)
    assert login(client, bank, acr_values="urn:loa:3").id_token
    form = bank.calls("par")[-1].form
    assert "claims" not in (claims_of(form["request"]) if "request" in form else form)
    with pytest.raises(WrongAcr):
        login(client, bank, acr_values="urn:loa:4")


def test_a_level_that_nothing_would_show(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **{**ADVANCED, "response_type": "code", "response_mode": "jwt"})
    with pytest.raises(ForbiddenByProfile, match="openid") as caught:
        client.begin(scope="accounts", acr_values="urn:loa:3")
    assert caught.value.clause == "FAPI1-ADV 5.2.3-3"


@pytest.mark.spec("FAPI1-ADV 5.2.3-8, -9")
def test_a_bank_that_takes_no_request_in_the_url(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "request_parameter_supported": False}
    assert clients.of(bank, **ADVANCED).bank.uses_par
    with pytest.raises(ConfigurationError, match="takes no request objects in the URL"):
        clients.of(bank, **ADVANCED, pushed_requests=False)


@pytest.mark.parametrize("listed", [["code"], ["code", "id_token"]])
def test_a_bank_without_the_hybrid_flow(listed: list[str], clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "response_types_supported": listed}
    with pytest.raises(ConfigurationError, match="response_mode jwt") as caught:
        clients.of(bank, **ADVANCED)
    assert caught.value.clause == "FAPI1-ADV 5.2.2-2"
    assert clients.of(bank, **ADVANCED, response_mode="jwt").bank.settings.jarm


def test_the_words_of_a_response_type_have_no_order(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "response_types_supported": ["id_token code"]}
    assert login(clients.of(bank, **ADVANCED), bank).id_token


def test_a_bank_that_signs_with_nothing_that_is_allowed(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda members: {**members, "id_token_signing_alg_values_supported": ["RS256"]}
    with pytest.raises(MissingMetadata) as caught:
        clients.of(bank, **{**ADVANCED, "id_token_signed_response_alg": None}).begin()
    assert caught.value.clause == "FAPI1-ADV 8.6-1"


# --- what comes back -------------------------------------------------------------------------------


@pytest.mark.spec("FAPI1-BL 5.2.3-10")
@pytest.mark.parametrize("granted", [None, "accounts openid", "openid"])
def test_scope_as_asked_or_less(granted: str | None, clients: Clients, bank: FakeBank) -> None:
    if granted is not None:
        bank.faults["token"] = lambda members: {**members, "scope": granted}
    found = login(clients.of(bank, **BASELINE), bank)
    assert found.tokens.scope == (granted or "openid accounts")
    assert bool(found.report.downgrades) is (granted == "openid")


@pytest.mark.spec("FAPI1-BL 5.2.3-10")
@pytest.mark.parametrize("options", [BASELINE, ADVANCED], ids=["baseline", "advanced"])
def test_more_scope_than_was_asked(options: dict[str, Any], clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda members: {**members, "scope": "openid accounts payments"}
    client = clients.of(bank, **options)
    with pytest.raises(UnaskedScope, match="payments") as caught:
        login(client, bank)
    assert caught.value.clause == "FAPI1-BL 5.2.3-10"
    assert caught.value.facts["beyond"] == "payments"
    assert not bank.calls("userinfo")
    with pytest.raises(UnaskedScope):
        client.client_credentials(scope="accounts")
    assert client.client_credentials()


def test_more_scope_under_a_quirk_is_noticed(clients: Clients, bank: FakeBank) -> None:
    bank.faults["token"] = lambda members: {**members, "scope": "openid accounts payments"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuirkEndsSoon)
        profile = FAPI1_ADVANCED.relax(
            Quirk.SCOPE_BEYOND_REQUEST,
            until=datetime.now(UTC).date(),
            reason="until the bank mends it",
        )
    found = login(clients.of(bank, **{**ADVANCED, "profile": profile}), bank)
    assert found.tokens.scope == "openid accounts payments"
    assert [check.detail for check in found.report.downgrades] == ["granted without request: payments"]


def test_a_refresh_that_grants_more_keeps_the_new_refresh_token(clients: Clients, bank: FakeBank) -> None:
    bank.rotate = True
    client = clients.of(bank, **BASELINE)
    tokens = login(client, bank).tokens
    bank.faults["token"] = lambda members: {**members, "scope": "accounts payments"}
    with pytest.raises(UnaskedScope) as caught:
        client.refresh(tokens, scope="accounts")
    kept = TokenSet.kept_in(caught.value)
    assert kept is not None
    assert kept.refresh_token != tokens.refresh_token


def test_more_scope_is_noticed_where_the_profile_bears_it(clients: Clients) -> None:
    bank = FakeBank()
    bank.faults["token"] = lambda members: {**members, "scope": "openid accounts payments"}
    found = login(clients.of(bank), bank)
    assert [check.detail for check in found.report.downgrades] == ["granted without request: payments"]


def _changed(**parameters: str | None) -> Any:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**answer, **parameters}.items() if value is not None}

    return change


ANSWERS: dict[str, tuple[dict[str, Any], Any, type[FapiError], str]] = {
    "without state": (BASELINE, _changed(state=None), MissingState, "RFC 9700 2.1c"),
    "with another state": (BASELINE, _changed(state="x"), WrongState, "RFC 9700 2.1c"),
    "a plain code": (ADVANCED, _changed(id_token=None), MissingIdToken, "FAPI1-ADV 5.2.3.1-3"),
    "a plain code for a signed one": (
        {**ADVANCED, "response_mode": "jwt"},
        lambda _: {"code": "x", "state": "x"},
        WrongResponseMode,
        "JARM 2.3",
    ),
}


@pytest.mark.spec("FAPI1-BL 5.2.3-6; FAPI1-ADV 5.2.3.1-2, 5.2.3.2-1")
@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_was_not_asked_for(what: str, clients: Clients, bank: FakeBank) -> None:
    options, change, error, clause = ANSWERS[what]
    bank.faults["callback"] = change
    with pytest.raises(error) as caught:
        login(clients.of(bank, **options), bank)
    assert caught.value.clause == clause
    assert not bank.calls("token")


@pytest.mark.spec("FAPI1-BL 5.2.3-4")
def test_an_answer_at_another_banks_address(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, **BASELINE)
    start = client.begin()
    callback = bank.authorize(start.url).replace("/callback", "/other-bank")
    with pytest.raises(WrongRedirectUri) as caught:
        client.complete(callback, start.transaction)
    assert caught.value.clause == "FAPI1-BL 5.2.3-4"


@pytest.mark.spec("RFC 9207 4")
def test_each_bank_has_its_own_issuer() -> None:
    one, other = (
        RegisteredBank(
            issuer="https://bank.example",
            client_id="fintech",
            auth=PrivateKeyJWT(a_key("ES256", 1)),
            redirect_uri=f"{REDIRECT_URI}/{name}",
        )
        for name in ("one", "other")
    )
    with pytest.raises(ConfigurationError, match="share the issuer") as refused:
        Registry({"one": one, "other": other})
    assert refused.value.clause == "RFC 9207 4"


@pytest.mark.spec("FAPI1-BL 5.2.3-3")
def test_each_bank_has_its_own_redirect_uri() -> None:
    banks = {
        name: RegisteredBank(
            issuer=f"https://{name}.example",
            client_id="fintech",
            auth=PrivateKeyJWT(a_key("ES256", 1)),
            redirect_uri=REDIRECT_URI,
            profile=profile,
        )
        for name, profile in (("old", "fapi1-baseline"), ("new", "fapi2-security"))
    }
    with pytest.raises(ConfigurationError, match="share the redirect_uri"):
        Registry(banks)


@pytest.mark.spec("FAPI1-ADV 5.2.3-16, -15")
def test_a_pushed_request_has_pkce_and_the_client_id_outside(clients: Clients, bank: FakeBank) -> None:
    start = clients.of(bank, **ADVANCED).begin()
    assert set(parse_qs(urlsplit(start.url).query)) == {"client_id", "request_uri"}
    (pushed,) = bank.calls("par")
    assert claims_of(pushed.form["request"])["code_challenge_method"] == "S256"
