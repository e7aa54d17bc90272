"""What the forger makes, read with libraries that share no code with it: an attack is one change away from honest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import import_key

from rskit.attacks import Reach
from rskit.testing import Mint
from rskit.testing.attacks.families import FAMILIES
from rskit.testing.attacks.forger import NULL, Forger
from rskit.testing.attacks.jws import SigningKey, nothing
from tests.clocks import NOW, FrozenClock
from tests.keys import a_key, b64, header_of
from tests.rskit.mothers import RESOURCE

URL = f"{RESOURCE}/accounts?page=2"
ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "RS256", "Ed25519")


def a_forger(alg: str = "ES256", *, bound: bool = True, **claims: Any) -> Forger:
    mint = Mint(clock=FrozenClock())
    mint.resource = RESOURCE
    mint.issuer_key = a_key(alg, 1)
    return Forger(mint, "GET", URL, bound=bound, claims={"scope": "accounts", **claims}, reach=Reach())


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_honest_token_verifies_elsewhere(alg: str):
    forger = a_forger(alg)
    claims = joserfc_jwt.decode(
        forger.token(), import_key(dict(forger.mint.issuer_key.public_jwk)), algorithms=[alg]
    ).claims
    assert claims == {
        "iss": "https://as.test",
        "aud": RESOURCE,
        "sub": "user",
        "client_id": "client",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "jti": claims["jti"],
        "cnf": {"jkt": forger.mint.client_key.thumbprint},
        "scope": "accounts",
    }
    assert header_of(forger.token()) == {"typ": "at+jwt", "alg": alg, "kid": forger.mint.issuer_key.kid}


def test_an_honest_proof_verifies_elsewhere():
    forger = a_forger()
    forger.nonce = "n"
    token = forger.token()
    proof = forger.proof(token)
    key = jwt.PyJWK(header_of(proof)["jwk"], "ES256")
    claims = jwt.decode(proof, key, algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {
        "htm": "GET",
        "htu": f"{RESOURCE}/accounts",
        "iat": int(NOW),
        "jti": claims["jti"],
        "ath": b64(hashlib.sha256(token.encode()).digest()),
        "nonce": "n",
    }
    assert header_of(proof)["typ"] == "dpop+jwt"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_is_the_same_to_who_wrote_it_otherwise(alg: str):
    key = a_key(alg, 1)
    mine = SigningKey(key.to_pem(), alg, key.kid)
    assert mine.thumbprint == key.thumbprint
    assert mine.named_jwk == dict(key.public_jwk)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_attacker_s_key_is_of_the_issuer_s_kind(alg: str):
    forger = a_forger(alg)
    token = forger.jwt(sign=forger.own.sign)
    claims = joserfc_jwt.decode(token, import_key(forger.own.named_jwk), algorithms=[alg]).claims
    assert claims["iss"] == "https://as.test"
    assert forger.own.jwk != forger.issuer.jwk


def test_members_are_changed_removed_or_made_null():
    forger = a_forger()
    token = forger.jwt({"alg": "none", "kid": None}, {"aud": None, "sub": NULL, "exp": 1}, nothing)
    header, payload, signature = token.split(".")
    claims = json.loads(jwt.utils.base64url_decode(payload))
    assert json.loads(jwt.utils.base64url_decode(header)) == {"typ": "at+jwt", "alg": "none"}
    assert ("aud" in claims, claims["sub"], claims["exp"], signature) == (False, None, 1, "")


def test_a_sign_in_stays_as_long_ago_as_it_was():
    forger = a_forger(auth_time=int(NOW) - 10)
    forger.mint._clock.advance(1000)  # type: ignore[attr-defined]
    assert jwt.decode(forger.token(), options={"verify_signature": False})["auth_time"] == int(NOW) + 990


def test_a_bearer_token_comes_without_a_proof():
    (pair,) = a_forger(bound=False).honest()
    assert pair[1].startswith("Bearer ey")


def test_a_mint_of_opaque_tokens_describes_them_and_forgets_the_revoked():
    mint = Mint(opaque=True, clock=FrozenClock())
    token = mint.token(scope="accounts", bound=False)
    assert "." not in token
    told = mint.introspect(token)
    assert (told["active"], told["scope"], told["aud"], "cnf" in told) == (
        True,
        "accounts",
        mint.resource,
        False,
    )
    assert mint.introspect("made up") == {"active": False}
    mint.revoke(token)
    assert mint.introspect(token) == {"active": False}
    assert mint.introspect(mint.issue({"active": True, "sub": "x"})) == {"active": True, "sub": "x"}


def test_names_of_attacks_differ():
    forger = a_forger()
    rows = [
        row.name
        for family in FAMILIES
        if family.needs(forger) is None
        for row in family.rows
        if row.make(forger)
    ]
    assert len(set(rows)) == len(rows)
