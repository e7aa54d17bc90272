"""The whole check, by hand: one valid baseline for each kind of token, and what possession adds."""

from __future__ import annotations

import pytest

from fapikit.errors import NonceRequired, ReplayedProof, WrongProofKey
from rskit.errors import NoCredentials, NotSenderConstrained, WrongScheme
from tests.keys import a_key
from tests.rskit.mothers import a_proof, a_server, a_token, a_view, allowed, bound_token, refused


def test_a_plain_bearer_token_passes_where_binding_is_not_required():
    token = allowed(a_server(), a_view(f"Bearer {a_token()}"))
    assert (token.subject, token.client_id, token.scopes) == ("alice", "fintech", {"accounts", "payments"})


@pytest.mark.spec("RFC 9449 7.1a")
def test_a_bound_token_passes_with_a_proof_of_its_key():
    token = bound_token()
    assert allowed(a_server(), a_view(f"DPoP {token}", dpop=(a_proof(token),))).subject == "alice"


@pytest.mark.spec("RFC 9449 11.1b")
def test_a_proof_is_good_once():
    server, token = a_server(), bound_token()
    view = a_view(f"DPoP {token}", dpop=(a_proof(token),))
    allowed(server, view)
    assert isinstance(refused(server, view).error, ReplayedProof)


@pytest.mark.spec("RFC 9449 7.2a")
def test_a_bound_token_is_refused_as_bearer():
    assert isinstance(refused(a_server(), a_view(f"Bearer {bound_token()}")).error, WrongScheme)


@pytest.mark.spec("RFC 9449 4.3-12")
def test_a_stolen_token_is_refused_with_the_thief_s_key():
    token = bound_token()
    proof = a_proof(token, a_key("ES256", 8))
    assert isinstance(refused(a_server(), a_view(f"DPoP {token}", dpop=(proof,))).error, WrongProofKey)


@pytest.mark.spec("FAPI2-SP 5.3.4-5")
def test_under_fapi_a_plain_bearer_token_is_refused():
    server = a_server(profile="fapi2-security")
    assert isinstance(refused(server, a_view(f"Bearer {a_token()}")).error, NotSenderConstrained)


@pytest.mark.spec("RFC 9449 9")
def test_under_fapi_a_nonce_is_demanded_and_then_accepted():
    server, token = a_server(profile="fapi2-security"), bound_token()
    refusal = refused(server, a_view(f"DPoP {token}", dpop=(a_proof(token),)))
    assert isinstance(refusal.error, NonceRequired)
    nonce = dict(refusal.headers)["dpop-nonce"]
    allowed(server, a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=nonce),)))


@pytest.mark.spec("RFC 6750 3.1")
def test_no_credentials_are_challenged_without_an_error():
    refusal = refused(a_server(), a_view())
    assert isinstance(refusal.error, NoCredentials)
    assert refusal.status == 401
    challenges = [value for name, value in refusal.headers if name == "www-authenticate"]
    assert [challenge.split(" ")[0] for challenge in challenges] == ["DPoP", "Bearer"]
    assert not any("error" in challenge for challenge in challenges)
