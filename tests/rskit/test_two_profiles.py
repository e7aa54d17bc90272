"""One API under FAPI 1 and FAPI 2 at once, while a bank moves: two issuers, or two kinds of tokens of one issuer."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import errors as e
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.jose.key_set import KeySet
from rskit import CannotDecide, Issuer, ResourceServer
from rskit import errors as rs
from tests.hands import Hand
from tests.keys import a_key
from tests.mothers.certificates import a_certificate
from tests.rskit.behind import SKINS
from tests.rskit.introspecting import METADATA, OPAQUE, asking, says
from tests.rskit.mothers import (
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
from tests.rskit.possession.test_forwarded_certificates import of_nginx, thumbprint

OLD, OLD_KEY, OLD_ED = "https://old.example", a_key("PS256", 7), a_key("EdDSA", 8)
MINE = a_certificate()
BOUND = {"x5t#S256": thumbprint(MINE)}


def old_issuer(**settings: Any) -> Issuer:
    """As FAPI 1 left it: JWTs without a type of their own."""
    keys = KeySet([OLD_KEY.public_key, OLD_ED.public_key])
    return Issuer(OLD, **{"keys": keys, "typ": "any", "profile": "fapi1-advanced", **settings})


def moving(**settings: Any) -> ResourceServer:
    given = {"profile": "fapi2-security", "issuers": [an_issuer(), old_issuer()], "nonces": False}
    return a_server(**{**given, **settings})


def old_token(key: Any = OLD_KEY, **changes: Any) -> str:
    return a_token(key=key, **{"iss": OLD, "typ": "JWT", "cnf": BOUND, **changes})


def bearing(token: str) -> Any:
    return a_view(f"Bearer {token}", certificate=lambda: MINE.der)


def proving(token: str) -> Any:
    return a_view(f"DPoP {token}", dpop=(a_proof(token),), certificate=lambda: MINE.der)


@pytest.mark.parametrize("skin", SKINS.values(), ids=SKINS)
def test_both_are_served_in_both_skins(skin: Any):
    header = CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"]))
    ask = skin(moving(client_certificates=header))
    certificate = ("x-ssl-client-cert", of_nginx(MINE))
    new = bound_token()
    for fields in (
        [("authorization", f"Bearer {old_token()}"), certificate],
        [("authorization", f"Bearer {a_token(cnf=BOUND)}"), certificate],
        [("authorization", f"DPoP {new}"), ("dpop", a_proof(new))],
    ):
        assert ask("10.0.3.7", fields)[0] == 200
    assert ask("10.0.3.7", [("authorization", f"Bearer {old_token()}")])[0] == 401


@pytest.mark.spec("FAPI1-ADV 6.2.1-2; FAPI2-SP 5.3.4-5")
def test_each_issuer_s_tokens_are_held_to_its_own_profile():
    server = moving()
    allowed(server, bearing(old_token()))
    allowed(server, proving(bound_token()))
    by_dpop = {"jkt": CLIENT_KEY.thumbprint}
    assert type(refused(server, proving(old_token(cnf=by_dpop))).error) is rs.NotSenderConstrained
    assert type(refused(server, bearing(old_token(cnf=None))).error) is rs.NotSenderConstrained
    assert type(refused(server, bearing(a_token())).error) is rs.NotSenderConstrained
    allowed(server, proving(old_token(cnf={**BOUND, **by_dpop})))  # bound to both, and both are proven
    assert type(refused(server, bearing(old_token(key=OLD_ED))).error) is e.ForbiddenAlgorithm
    assert type(refused(server, bearing(a_token(typ="JWT", cnf=BOUND))).error) is e.WrongJwtType


def test_one_issuer_may_issue_both_kinds():
    """Its older clients get certificate-bound JWTs without a type, and its newer ones what FAPI 2 has."""
    server = moving(issuers=[an_issuer(typ="any")])
    allowed(server, bearing(a_token(typ="JWT", cnf=BOUND)))
    allowed(server, bearing(a_token(cnf=BOUND)))
    allowed(server, proving(bound_token()))
    assert type(refused(server, bearing(a_token(typ="JWT"))).error) is rs.NotSenderConstrained


def test_an_issuer_s_profile_never_loosens_the_server_s():
    server = moving(issuers=[old_issuer(profile="oauth-2.1", keys=KeySet([a_key("RS256", 7).public_key]))])
    rs256 = old_token(key=a_key("RS256", 7))
    assert type(refused(server, bearing(rs256)).error) is e.ForbiddenAlgorithm
    loose = moving(issuers=[old_issuer(profile="oauth-2.1")])
    assert type(refused(loose, bearing(old_token(cnf=None))).error) is rs.NotSenderConstrained


def test_a_stricter_issuer_beside_a_baseline_server():
    """FAPI 1 Baseline takes bearer tokens; the issuer that has moved issues none."""
    server = a_server(
        profile="fapi1-baseline", issuers=[an_issuer(profile="fapi2-security"), old_issuer(profile=None)]
    )
    allowed(server, bearing(old_token(cnf=None)))
    assert type(refused(server, bearing(a_token())).error) is rs.NotSenderConstrained
    allowed(server, proving(bound_token()))


def test_issuers_that_a_function_knows():
    known = {ISSUER: an_issuer(), OLD: old_issuer()}
    server = moving(issuers=known.get)
    allowed(server, bearing(old_token()))
    by_dpop = {"jkt": CLIENT_KEY.thumbprint}
    assert type(refused(server, proving(old_token(cnf=by_dpop))).error) is rs.NotSenderConstrained


def test_an_issuer_under_message_signing_answers_signed():
    server = moving(issuers=[asking(), old_issuer()])
    jkt = {"jkt": CLIENT_KEY.thumbprint}
    allowed(server, a_view(f"DPoP {OPAQUE}", dpop=(a_proof(OPAQUE),)), Hand(METADATA, says(cnf=jkt)))
    from dataclasses import replace

    strict = moving(issuers=[replace(asking(), profile="fapi2-message-signing")])
    view = a_view(f"DPoP {OPAQUE}", dpop=(a_proof(OPAQUE),))
    assert type(refused(strict, view, Hand(METADATA, says(cnf=jkt)))) is CannotDecide


WRONG: dict[str, dict[str, Any]] = {
    "no way of binding is left": {"bindings": {"dpop"}},
    "another profile's algorithm": {"issuers": [old_issuer(algorithms=frozenset({"EdDSA"}))]},
    "no profile": {"issuers": [old_issuer(profile="fapi3")]},
}


@pytest.mark.parametrize("settings", WRONG.values(), ids=WRONG)
def test_refuses_what_cannot_be_kept(settings: dict[str, Any]):
    with pytest.raises((e.ConfigurationError, e.ForbiddenAlgorithm)):
        moving(**settings)


def test_the_document_names_both_issuers_and_what_they_bind_by():
    document = moving().metadata.decode()
    assert f'"authorization_servers":["{ISSUER}","{OLD}"]' in document
    assert '"tls_client_certificate_bound_access_tokens":true' in document
    assert RESOURCE in document
