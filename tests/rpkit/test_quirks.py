"""What banks need of a client where the text leaves room: each a closed, dated quirk, and refused without it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from fapikit import (
    PrivateKeyJWT,
    Profile,
    Quirk,
    profile_of,
)
from fapikit.client_authentication import ClientSecretJWT
from fapikit.errors import (
    ConfigurationError,
    DuplicateMember,
    ForbiddenByProfile,
    MalformedJwt,
    WrongAudience,
)
from fapikit.jose.encryption import encrypt_jwt
from fapikit.jose.encryption_keys import DecryptionKey
from rpkit import RegisteredBank, Registry
from tests.clocks import FrozenClock
from tests.keys import a_key, claims_of, jws_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.rpkit.logins import signed_in

ORGANISATION = "0015800001041RHAAY"
SECRET = "a secret of more than thirty-two octets, as HS256 asks"


def relaxed(profile: str, *quirks: Quirk) -> Profile:
    found = profile_of(profile)
    for quirk in quirks:
        found = found.relax(quirk, until=date(2027, 6, 30), reason="its documentation", clock=FrozenClock())
    return found


# --- The audience of client assertions -----------------------------------------------------------

FAPI1 = {"sender_constraint": None}
ALLOWED: dict[str, tuple[Profile | str, str, str]] = {  # the profile, the setting, and the `aud` that is sent
    "the issuer, under FAPI 2": ("fapi2-security", "issuer", "{issuer}"),
    "the issuer, under FAPI 1": ("fapi1-baseline", "issuer", "{issuer}"),
    "the token endpoint, which FAPI 1 leaves": ("fapi1-baseline", "token_endpoint", "{issuer}token"),
    "the token endpoint, by a quirk": (
        relaxed("oauth-2.1", Quirk.TOKEN_ENDPOINT_AUDIENCE),
        "token_endpoint",
        "{issuer}token",
    ),
    "the organisation, by a quirk": (
        relaxed("fapi1-baseline", Quirk.NAMED_ASSERTION_AUDIENCE),
        ORGANISATION,
        ORGANISATION,
    ),
}


@pytest.mark.spec("FAPI2-SP 5.3.3.1-5", "RFC 7523 3-3")
@pytest.mark.parametrize(
    ("what", "method"),
    [(what, "private_key_jwt") for what in ALLOWED]
    + [(what, "client_secret_jwt") for what in ALLOWED if "FAPI 2" not in what],
)
def test_a_bank_says_for_whom_assertions_are(
    what: str, method: str, clients: Clients, bank: FakeBank
) -> None:
    profile, setting, aud = ALLOWED[what]
    bank.dpop = "FAPI 2" in what
    auth = PrivateKeyJWT(a_key()) if method == "private_key_jwt" else ClientSecretJWT(SECRET)
    options = {} if bank.dpop else FAPI1
    client = clients.of(bank, profile=profile, auth=auth, assertion_audience=setting, **options)
    tokens = signed_in(client, bank).tokens
    client.revoke(client.refresh(tokens))
    bank.faults["introspect_answer"] = lambda _call: (200, {}, {"active": False})
    client.introspect("a-token")
    sent = {
        claims_of(call.form["client_assertion"])["aud"]
        for call in bank.seen
        if "client_assertion" in call.form
    }
    assert sent == {aud.format(issuer=bank.issuer)}, "one string, at every endpoint"


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "the token endpoint under FAPI 2": (
        "fapi2-security",
        {"assertion_audience": "token_endpoint"},
        "FAPI2-SP 5.3.2.1-8",
    ),
    "a name under FAPI 2": ("fapi2-security", {"assertion_audience": ORGANISATION}, "FAPI2-SP 5.3.3.1-5"),
    "the token endpoint under OAuth 2.1": (
        "oauth-2.1",
        {"assertion_audience": "token_endpoint"},
        "rfc7523bis 4a",
    ),
    "a name without the quirk": (
        "fapi1-baseline",
        {"assertion_audience": ORGANISATION, **FAPI1},
        "RFC 7523 3-3",
    ),
    "no name at all": ("fapi1-baseline", {"assertion_audience": "", **FAPI1}, "RFC 7523 3-3"),
    "an audience without the quirk": ("fapi2-security", {"trusted_audiences": ["x"]}, "OIDC 3.1.3.7-3"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_without_its_quirk_it_is_refused_when_the_client_is_made(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    profile, options, clause = REFUSED[what]
    with pytest.raises(ForbiddenByProfile) as refused:
        clients.of(bank, profile=profile, **options)
    assert refused.value.clause == clause
    assert "Quirk." in str(refused.value)


@pytest.mark.parametrize("quirk", [Quirk.TOKEN_ENDPOINT_AUDIENCE, Quirk.NAMED_ASSERTION_AUDIENCE])
def test_fapi_2_has_no_quirk_for_it(quirk: Quirk) -> None:
    with pytest.raises(ForbiddenByProfile, match="mandatory"):
        relaxed("fapi2-security", quirk)


@pytest.mark.parametrize("audience", ["token_endpoint", ORGANISATION])
def test_a_bank_with_an_audience_of_its_own_has_a_key_of_its_own(audience: str) -> None:
    """Or what is signed for one could be replayed at the other."""
    profile = relaxed("fapi1-baseline", Quirk.NAMED_ASSERTION_AUDIENCE)

    def bank(number: int, key: int, **options: Any) -> RegisteredBank:
        return RegisteredBank(
            issuer=f"https://{number}.example",
            client_id="c",
            auth=PrivateKeyJWT(a_key("ES256", key)),
            redirect_uri=f"https://fintech.example/{number}",
            profile=profile,
            options={"sender_constraint": None, **options},
        )

    assert Registry({"one": bank(1, 1, assertion_audience=audience), "two": bank(2, 2)})
    assert Registry({"one": bank(1, 1), "two": bank(2, 1)})
    with pytest.raises(ConfigurationError, match="a key of its own"):
        Registry({"one": bank(1, 1, assertion_audience=audience), "two": bank(2, 1)})


# --- The audience of ID tokens -------------------------------------------------------------------

PROJECT = "252855756087375358"
AUDIENCES: dict[str, tuple[Any, bool]] = {
    "this client": (CLIENT_ID, True),
    "this client in a list": ([CLIENT_ID], True),
    "one that is trusted beside": ([CLIENT_ID, PROJECT], True),
    "one that is trusted before": ([PROJECT, CLIENT_ID], True),
    "one that is not": ([CLIENT_ID, "somebody"], False),
    "one that is and one that is not": ([CLIENT_ID, PROJECT, "somebody"], False),
    "a trusted one alone": ([PROJECT], False),
    "a trusted one as text": (PROJECT, False),
}


@pytest.mark.spec("OIDC 3.1.3.7-3")
@pytest.mark.parametrize("what", AUDIENCES)
def test_further_audiences_are_those_that_the_client_trusts(
    what: str, clients: Clients, bank: FakeBank
) -> None:
    aud, good = AUDIENCES[what]
    bank.faults["id_token"] = lambda claims: {**claims, "aud": aud}
    profile = relaxed("fapi2-security", Quirk.FURTHER_ID_TOKEN_AUDIENCES)
    client = clients.of(bank, profile=profile, trusted_audiences=[PROJECT])
    if not good:
        with pytest.raises(WrongAudience):
            signed_in(client, bank)
        return
    login = signed_in(client, bank)
    assert (PROJECT in str(login.report)) is (PROJECT in aud)
    bank.faults["refresh_id_token"] = lambda claims: {**claims, "aud": aud}
    assert client.refresh(login.tokens).version == 2


def test_they_are_refused_without_a_word_about_them(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token"] = lambda claims: {**claims, "aud": [CLIENT_ID, PROJECT]}
    for profile in ("fapi2-security", relaxed("fapi2-security", Quirk.FURTHER_ID_TOKEN_AUDIENCES)):
        with pytest.raises(WrongAudience):
            signed_in(clients.of(bank, profile=profile), bank)


def test_a_name_is_not_taken_for_its_letters(clients: Clients, bank: FakeBank) -> None:
    profile = relaxed("fapi2-security", Quirk.FURTHER_ID_TOKEN_AUDIENCES)
    with pytest.raises(ConfigurationError, match="put it into a list"):
        clients.of(bank, profile=profile, trusted_audiences=PROJECT)


# --- Signed responses that name their issuer twice -----------------------------------------------


def twice(bank: FakeBank, *further: tuple[str, Any]) -> Any:
    """A signed response whose payload is written by hand, for JSON writers name nothing twice."""

    def jwt(text: str) -> str:
        claims = list(claims_of(text).items()) + list(further)
        payload = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in claims) + "}"
        header = json.dumps({"alg": "ES256", "kid": bank.key.kid}).encode()
        return jws_of(header, payload.encode(), bank.key.sign)

    return jwt


TWICE: dict[str, tuple[tuple[tuple[str, Any], ...], bool]] = {
    "the issuer, with one value": ((("iss", "{issuer}"),), True),
    "the issuer, three times": ((("iss", "{issuer}"), ("iss", "{issuer}")), True),
    "the issuer, with two values": ((("iss", "https://evil.example"),), False),
    "the code": ((("code", "another"),), False),
    "the state, with one value": ((("state", "{state}"),), False),
    "the issuer and the audience": ((("iss", "{issuer}"), ("aud", CLIENT_ID)), False),
}


@pytest.mark.spec("RFC 7519 4")
@pytest.mark.parametrize("what", TWICE)
@pytest.mark.parametrize("quirk", [True, False])
def test_a_signed_response_may_name_its_issuer_twice_by_a_quirk(
    quirk: bool, what: str, clients: Clients, bank: FakeBank
) -> None:
    members, good = TWICE[what]
    quirks = [Quirk.JARM_ISS_TWICE] if quirk else []
    client = clients.of(bank, profile=relaxed("fapi2-message-signing", *quirks))
    start = client.begin(scope="openid")
    known = {"issuer": bank.issuer, "state": start.transaction.state.reveal()}
    bank.faults["jarm_jwt"] = twice(bank, *((name, value.format(**known)) for name, value in members))
    callback = bank.authorize(start.url)
    if good and quirk:
        assert client.complete(callback, start.transaction).id_token.subject == "alice"
    else:
        with pytest.raises(DuplicateMember):
            client.complete(callback, start.transaction)
        assert not bank.calls("token")


def test_an_id_token_names_nothing_twice_whatever_the_quirk(clients: Clients, bank: FakeBank) -> None:
    bank.faults["id_token_jwt"] = twice(bank, ("iss", bank.issuer))
    client = clients.of(bank, profile=relaxed("fapi2-message-signing", Quirk.JARM_ISS_TWICE))
    with pytest.raises(DuplicateMember):
        signed_in(client, bank)


# --- Encrypted ID tokens -------------------------------------------------------------------------


def test_an_id_token_that_is_encrypted_unasked_is_called_so(clients: Clients, bank: FakeBank) -> None:
    key = DecryptionKey.generate("ECDH-ES")
    bank.faults["id_token_jwt"] = lambda token: encrypt_jwt(token, key)
    with pytest.raises(MalformedJwt, match="this ID token is encrypted, and no encryption is configured"):
        signed_in(clients.of(bank), bank)
