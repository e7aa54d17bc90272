"""Access tokens that an issuer encrypts for one API, and introspection answers: opened, and no downgrade is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fapikit import errors as e
from fapikit.http_message import HttpResponse
from fapikit.jose.encryption import Decryption
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.key_set import KeySet
from rskit import Allow, CannotDecide, ResourceServer
from rskit import errors as rs
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key, mint
from tests.rskit.introspecting import JWKS, METADATA, OPAQUE, asking, members, says
from tests.rskit.mothers import (
    AS_KEY,
    CLIENT_KEY,
    ISSUER,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    bound_token,
    refused,
)
from tests.sealing import a_decryption_key, seal

KEY = a_decryption_key("ECDH-ES")
OPENS = Decryption(keys=(KEY,), content_encryption=("A128GCM", "A256GCM"))


def opening(**settings: Any) -> ResourceServer:
    return a_server(**{"decryption": OPENS, **settings})


def bearer(token: str) -> Any:
    return a_view(f"Bearer {token}")


@pytest.mark.spec("RFC 9068 4-2; FAPI1-ADV 8.6.1-1")
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES"])
def test_what_was_signed_and_then_encrypted_is_taken(alg: str, enc: str):
    key = a_decryption_key(alg)
    server = opening(decryption=Decryption(keys=(key,)))
    token = allowed(server, bearer(seal(a_token(sub="bob"), key, enc)))
    assert (token.kind, token.subject, token.issuer) == ("jwt", "bob", ISSUER)


def test_it_is_opened_once_and_possession_is_proven_each_time(monkeypatch: pytest.MonkeyPatch):
    server = opening()
    sealed = seal(bound_token(), KEY)
    view = a_view(f"DPoP {sealed}", dpop=(a_proof(sealed),))
    allowed(server, view)
    monkeypatch.setattr("rskit.tokens.jwt.decrypt_jwt", None)  # would be called, were it opened again
    decision = server.check(a_view(f"DPoP {sealed}", dpop=(a_proof(sealed),)))
    assert isinstance(decision, Allow), "one pass, no flow"
    assert type(refused(server, bearer(sealed)).error) is rs.WrongScheme
    inside = a_proof(bound_token())  # for another token: `ath` is of the octets that were sent
    assert type(refused(server, a_view(f"DPoP {sealed}", dpop=(inside,))).error) is e.WrongTokenHash


@pytest.mark.spec("RFC 9068 4-2")
def test_a_token_in_the_clear_is_a_downgrade(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "rskit")
    server = opening()
    for _ in range(2):
        refusal = refused(server, bearer(a_token()))
        assert type(refusal.error) is e.NotEncrypted
        assert refusal.error.clause == "RFC 9068 4-2"
        assert (refusal.status, refusal.error.code) == (401, "invalid_token")
    assert "Issuer(clear_tokens=True)" in caplog.text
    allowed(server, bearer(seal(a_token(), KEY)))


def test_one_issuer_may_still_send_its_tokens_in_the_clear():
    """Two banks, of which one encrypts."""
    other = "https://old.example"
    old = replace(an_issuer(), url=other, clear_tokens=True)
    server = opening(issuers=[an_issuer(), old])
    allowed(server, bearer(a_token(iss=other)))
    allowed(server, bearer(seal(a_token(iss=other), KEY)))
    assert type(refused(server, bearer(a_token())).error) is e.NotEncrypted
    both = opening(decryption=replace(OPENS, required=False))
    allowed(both, bearer(a_token()))
    allowed(both, bearer(seal(a_token(), KEY)))


def test_issuers_that_a_function_knows():
    server = opening(issuers=lambda iss: an_issuer() if iss == ISSUER else None)
    allowed(server, bearer(seal(a_token(), KEY)))
    assert type(refused(server, bearer(a_token())).error) is e.NotEncrypted


REFUSED: list[tuple[Any, type[Exception]]] = [
    (lambda: seal(a_token(key=a_key("ES256", 9), header={"kid": AS_KEY.kid}), KEY), e.BadSignature),
    (lambda: seal(a_token(aud="https://other.example"), KEY), e.WrongAudience),
    (lambda: seal(a_token(typ="JWT"), KEY), e.WrongJwtType),
    (lambda: seal(seal(a_token(), KEY), KEY), e.MalformedJwt),
    (lambda: seal("{}", KEY), e.MalformedJwt),
    (lambda: seal(a_token(), a_decryption_key("ECDH-ES", kid="other")), e.KeyNotFound),
    (lambda: seal(a_token(), DecryptionKey.generate("ECDH-ES", kid="enc")), e.DecryptionFailed),
    (lambda: seal(a_token(), KEY, "A128CBC-HS256"), e.ForbiddenAlgorithm),
    (lambda: seal(a_token(), KEY, alg="RSA1_5"), e.ForbiddenAlgorithm),
    (lambda: seal(a_token(), KEY, alg="dir"), e.ForbiddenAlgorithm),
    (lambda: seal(a_token(), KEY, zip="DEF"), e.UnknownCritical),
    (lambda: seal(a_token(), KEY)[:-4] + "AAAA", e.DecryptionFailed),
]


@pytest.mark.spec("RFC 9068 4-2; FAPI1-ADV 8.6.1-1")
@pytest.mark.parametrize(("make", "error"), REFUSED)
def test_refuses(make: Any, error: type[Exception]):
    refusal = refused(opening(), bearer(make()))
    assert type(refusal.error) is error
    assert (refusal.status, refusal.error.code) == (401, "invalid_token")


def test_without_a_key_the_log_says_what_came():
    refusal = refused(a_server(), bearer(seal(a_token(), KEY)))
    assert type(refusal.error) is rs.UnknownIssuer
    assert "encrypted" in refusal.error.message


def test_keys_that_must_be_fetched_are_fetched():
    server = opening(issuers=[replace(an_issuer(), keys=None)])
    sealed = seal(a_token(), KEY)
    allowed(server, bearer(sealed), Hand(METADATA, JWKS))
    allowed(server, bearer(sealed))


def test_an_issuer_that_is_asked_is_asked_about_the_token_as_it_came():
    server = opening(issuers=[replace(asking(), keys=KeySet([AS_KEY.public_key]))])
    sealed, hand = seal(bound_token(), KEY), Hand(METADATA, says(cnf={"jkt": CLIENT_KEY.thumbprint}))
    allowed(server, a_view(f"DPoP {sealed}", dpop=(a_proof(sealed),)), hand)
    (question,) = [sent for sent in hand.requests if sent.method == "POST"]
    assert sealed in question.body.decode()
    assert type(refused(server, bearer(a_token())).error) is e.NotEncrypted
    allowed(server, bearer(OPAQUE), Hand(says()))


def signed_answer(**changes: Any) -> str:
    now = int(NOW)
    claims = {"iss": ISSUER, "aud": "the-api", "iat": now, "token_introspection": members(), **changes}
    return mint(claims, AS_KEY, typ="token-introspection+jwt")


def as_jwt(body: str) -> HttpResponse:
    return answer(body, media_type="application/token-introspection+jwt")


@pytest.mark.spec("RFC 9701 5")
def test_an_introspection_answer_is_opened_and_one_in_the_clear_is_none():
    server = a_server(issuers=[asking(decryption=OPENS)], clock=FrozenClock())
    token = allowed(server, bearer(OPAQUE), Hand(METADATA, as_jwt(seal(signed_answer(), KEY)), JWKS))
    assert (token.kind, token.audience) == ("introspected", (RESOURCE,))
    for number, clear in enumerate((as_jwt(signed_answer()), says())):
        decision = refused(server, bearer(f"{OPAQUE}{number}"), Hand(clear))
        assert type(decision) is CannotDecide
