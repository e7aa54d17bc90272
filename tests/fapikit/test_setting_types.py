"""Wherever a setting is text, what is no text is refused by the name of the setting, and never told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import rpkit
import rskit
from askit.config import Config, Resource, User
from askit.config.details_types import DetailsType as ServersType
from fapikit import (
    ClientSecretBasic,
    ClientSecretJWT,
    HttpSettings,
    PrivateKeyJWT,
    RedisStore,
    Secret,
    ServerMetadata,
    SqliteStore,
)
from fapikit.errors import ConfigurationError
from fapikit.setting_types import require_text, require_texts
from fapikit.signals.transmitters import Transmitter
from tests.keys import a_key

URL = "https://bank.example.test"
KEY = a_key("ES256", 1)
JWKS = {"keys": [dict(KEY.public_jwk)]}
AUTH = PrivateKeyJWT(KEY)
METADATA = ServerMetadata(
    URL,
    {
        "authorization_endpoint": f"{URL}/authorize",
        "token_endpoint": f"{URL}/token",
        "pushed_authorization_request_endpoint": f"{URL}/par",
        "jwks_uri": f"{URL}/jwks",
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
    },
)
SIGNING = {"c": rskit.SigningClient(names=("org",), jwks=JWKS)}
CLIENT = {"metadata": METADATA, "client_id": "fintech", "auth": AUTH, "redirect_uri": f"{URL}/callback"}


class Mint:
    """What a test has at hand: `issuer` is a method, and easily given without being called."""

    def issuer(self) -> str:
        return URL


NO_TEXT: dict[str, tuple[Any, str]] = {
    "a method": (Mint().issuer, "is a function: call it"),
    "a function": (lambda: URL, "is a function: call it"),
    "octets": (b"secret-octets", "is octets: decode them"),
    "a path": (Path("secret.pem"), "is a path: write str(path)"),
    "a number": (7, "is of the type int"),
}


def _client(**given: Any) -> rpkit.Client:
    return rpkit.Client(**{**CLIENT, **given})


def _server(**given: Any) -> rskit.ResourceServer:
    return rskit.ResourceServer(**{"resource": URL, "issuers": [rskit.Issuer(URL)], **given})


def _config(**given: Any) -> Config:
    return Config(**{"issuer": URL, **given})


Make = Callable[..., Any]
TEXTS: list[tuple[Make, Mapping[str, Any], str]] = [
    (rskit.Issuer, {"url": URL}, "url jwks_uri client_claim audience_claim name typ"),
    (rskit.Introspection, {"client_id": "api", "auth": AUTH}, "client_id assertion_audience"),
    (_server, {}, "resource profile"),
    (rskit.DetailsType, {"type": "payment", "executed": ("amount",)}, "type consent_id consent_expires_at"),
    (rskit.SigningClient, {"jwks": JWKS}, "jwks_uri"),
    (rskit.JwtBodies, {"clients": SIGNING, "signer": KEY, "issuer": "org"}, "issuer"),
    (rskit.DetachedJws, {"clients": SIGNING, "signer": KEY, "issuer": "org"}, "issuer anchor form"),
    (
        _client,
        {},
        (
            "client_id redirect_uri profile response_type response_mode assertion_audience sender_constraint"
            " id_token_signed_response_alg userinfo_encrypted_response_alg backchannel_token_delivery_mode"
        ),
    ),
    (rpkit.Client.discover, {"issuer": URL, "client_id": "c", "auth": AUTH}, "issuer metadata_url client_id"),
    (rpkit.Client.for_api, {"resource": URL, "client_id": "c", "auth": AUTH}, "resource issuer"),
    (
        rpkit.RegisteredBank,
        {"issuer": URL, "client_id": "c", "auth": AUTH, "redirect_uri": f"{URL}/callback"},
        "issuer client_id redirect_uri metadata_url profile",
    ),
    (rpkit.ClaimsProvider, {"issuer": URL, "jwks": JWKS}, "issuer jwks_uri"),
    (rpkit.SignedRequest, {"signer": KEY}, "audience"),
    (rpkit.JwtBodies, {"signer": KEY, "issuer": "org", "bank": "bank"}, "issuer bank jwks_uri"),
    (rpkit.DetachedJws, {"signer": KEY, "issuer": "org", "bank": "bank"}, "issuer bank anchor jwks_uri"),
    (
        _config,
        {},
        "issuer name listen store signing_alg acr assertion_audience auto_approve mtls_endpoint_aliases",
    ),
    (Resource, {"uri": URL}, "uri name token_format subject"),
    (User, {"username": "alice", "password": Secret("wonderland")}, "username"),
    (ServersType, {"type": "payment"}, "type name end_member"),
    (ServerMetadata, {"issuer": URL, "raw": {}}, "issuer"),
    (HttpSettings, {}, "proxy"),
    (Transmitter, {"issuer": URL, "audience": "api"}, "issuer audience jwks_uri stream_id"),
    (ClientSecretBasic, {}, "secret"),
    (ClientSecretJWT, {}, "secret"),
    (RedisStore, {"url": "redis://localhost"}, "url prefix"),
]
"""Who makes it, what it needs, and which of its settings are text."""

LISTS: list[tuple[Make, Mapping[str, Any], str]] = [
    (rskit.Issuer, {"url": URL}, "required algorithms"),
    (rskit.StatusLists, {}, "origins"),
    (rskit.Cors, {"origins": [URL]}, "origins methods headers exposed"),
    (rskit.ResourceDescription, {}, "scopes authorization_details_types"),
    (rskit.DetailsType, {"type": "payment", "executed": ("amount",)}, "executed optional sets"),
    (rskit.HttpSignatures, {"signer": KEY}, "fields answer_fields"),
    (rskit.SigningClient, {"jwks": JWKS}, "names"),
    (_server, {}, "bindings"),
    (_client, {}, "trusted_audiences"),
    (rpkit.HttpSignatures, {"signer": KEY}, "fields answer_fields"),
    (rpkit.ClaimsProvider, {"issuer": URL, "jwks": JWKS}, "endpoints claims algorithms"),
    (_config, {}, "request_object_encryption browser_origins logo_origins"),
    (Resource, {"uri": URL}, "scopes introspection_clients"),
    (ServersType, {"type": "payment"}, "resources required actions"),
]


def each(table: list[tuple[Make, Mapping[str, Any], str]]) -> list[Any]:
    return [
        pytest.param(make, needed, setting, id=f"{getattr(make, '__qualname__', make)}-{setting}")
        for make, needed, settings in table
        for setting in settings.split()
    ]


def refused(make: Make, given: Mapping[str, Any], setting: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make(**given)
    assert setting in caught.value.facts["setting"]
    assert f"{setting}" in caught.value.message
    assert "secret" not in caught.value.message.replace(setting, "")
    return caught.value.message


@pytest.mark.parametrize(("make", "needed", "setting"), each(TEXTS))
def test_what_is_no_text_is_named(make: Make, needed: Mapping[str, Any], setting: str) -> None:
    for value, what in NO_TEXT.values():
        assert what in refused(make, {**needed, setting: value}, setting)


@pytest.mark.parametrize(("make", "needed", "setting"), each(TEXTS))
def test_a_list_where_one_text_is_expected(make: Make, needed: Mapping[str, Any], setting: str) -> None:
    several = (make, setting) in {
        (_config, "acr"),
        (rpkit.DetachedJws, "bank"),
        (rpkit.Client.for_api, "issuer"),
    }
    message = refused(make, {**needed, setting: [7 if several else "one"]}, setting)
    assert (
        "has an item that is of the type int" if several else "is a collection: give one string"
    ) in message


@pytest.mark.parametrize(("make", "needed", "setting"), each(LISTS))
def test_what_is_no_list_of_texts_is_named(make: Make, needed: Mapping[str, Any], setting: str) -> None:
    for value, what in NO_TEXT.values():
        assert what in refused(make, {**needed, setting: value}, setting)
        assert f"has an item that {what}" in refused(make, {**needed, setting: ["one", value]}, setting)
    assert "is one string: put it into a list" in refused(make, {**needed, setting: "one"}, setting)


@pytest.mark.parametrize(
    ("make", "needed", "setting"),
    [
        pytest.param(make, needed, setting, id=f"{getattr(make, '__qualname__', make)}-{setting}")
        for make, needed, _ in TEXTS
        for setting in needed
        if isinstance(needed[setting], str)
        if (make, setting) != (rpkit.Client.for_api, "client_id")  # the API is asked first
    ],
)
def test_none_where_a_text_must_be(make: Make, needed: Mapping[str, Any], setting: str) -> None:
    assert "is None" in refused(make, {**needed, setting: None}, setting)


def test_a_path_of_a_store_that_is_none(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "a.db")
    SqliteStore(str(tmp_path / "b.db"))
    for path in (None, b"c.db", lambda: tmp_path, ["d.db"]):
        with pytest.raises(ConfigurationError, match="path of the SQLite store"):
            SqliteStore(path)  # type: ignore[arg-type]


def test_what_is_text_passes() -> None:
    require_text("setting", "")
    require_texts("setting", [])
    require_texts("setting", {"a": 1})
