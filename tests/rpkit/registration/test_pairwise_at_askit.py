"""Two clients register for pairwise subjects, and sign the same user in: over real sockets, from end to end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKey, PrivateKeyJWT
from fapikit.errors import PeerRefused
from rpkit import Client, Login
from tests.keys import a_key, claims_of

RESOURCE = "https://api.example.test/"


@pytest.fixture
def askit_settings(tmp_path: Path) -> Mapping[str, Any]:
    (tmp_path / "pairwise.salt").write_text("c2FsdC1vZi10aGlydHktdHdvLW9jdGV0cy0tLS0hISE")
    return {
        "initial_access_token": "open-sesame",
        "registration": {"scopes": ["openid", "accounts"]},
        "pairwise_salt_file": str(tmp_path / "pairwise.salt"),
    }


def sign_in(askit: RunningServer[Any], key: PrivateKey, host: str, **asked: Any) -> Login:
    """Register a client of this host, and sign alice in."""
    metadata = {
        "redirect_uris": [f"https://{host}/callback"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(key.public_jwk)]},
        "id_token_signed_response_alg": "ES256",
        "subject_type": "pairwise",
    }
    registered = Client.register(
        askit.issuer, metadata, initial_access_token="open-sesame", http=askit.http()
    )
    assert registered.metadata["subject_type"] == "pairwise"
    settings = {"auth": PrivateKeyJWT(key), "redirect_uri": f"https://{host}/callback", "http": askit.http()}
    with Client.discover(askit.issuer, client_id=registered.client_id, **settings) as client:
        start = client.begin(scope="openid accounts", resources=[RESOURCE], **asked)
        login = client.complete(askit.browse(start.url), start.transaction)
        assert client.userinfo(login).subject == login.id_token.subject
        again = client.begin(scope="openid accounts", id_token_hint=login.id_token.token)
        assert (
            client.complete(askit.browse(again.url), again.transaction).id_token.subject
            == login.id_token.subject
        )
    return login


@pytest.mark.spec("OIDC 8", "OIDC 8.1")
def test_each_sector_has_its_own_subject_in_every_token(askit: RunningServer[Any]) -> None:
    one = sign_in(askit, a_key("ES256", 61), "one.example.test")
    same = sign_in(
        askit,
        a_key("ES256", 62),
        "one.example.test",
        claims={"id_token": {"sub": {"value": one.id_token.subject}}},
    )
    two = sign_in(askit, a_key("ES256", 63), "two.example.test")
    assert one.id_token.subject == same.id_token.subject != two.id_token.subject
    for login in (one, two):
        token = login.tokens.access_token_for(RESOURCE).reveal()
        assert claims_of(token)["sub"] == login.id_token.subject != "alice"


def test_two_hosts_need_a_list(askit: RunningServer[Any]) -> None:
    metadata = {
        "redirect_uris": ["https://one.example.test/callback", "https://two.example.test/callback"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(a_key("ES256", 61).public_jwk)]},
        "id_token_signed_response_alg": "ES256",
        "subject_type": "pairwise",
    }
    with pytest.raises(PeerRefused, match="pairwise subjects need sector_identifier_uri"):
        Client.register(askit.issuer, metadata, initial_access_token="open-sesame", http=askit.http())
