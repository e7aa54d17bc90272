"""Tokens as the servers that many use write them: taken with the preset, refused with one thing changed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, WrongAudience
from fapikit.jose.key_set import KeySet
from rskit import Introspection, Issuer, ResourceServer, presets
from rskit.errors import InactiveToken
from rskit.tokens.introspected import check_members
from tests.clocks import NOW
from tests.keys import a_key, mint
from tests.rskit.mothers import AS_KEY, a_server, a_token, a_view, allowed, refused

KEYS = {"keys": KeySet([AS_KEY.public_key]), "jwks_uri": None}
TIMES = {"iat": int(NOW) - 5, "exp": int(NOW) + 300}
TENANT = "3f1c1c1e-0000-4000-8000-000000000000"
GUID = "2f5c1c1e-0000-4000-8000-000000000000"

# name: the issuer, the header's typ, the claims as the server's documentation shows them
SERVERS: dict[str, tuple[Issuer, str | None, dict[str, Any]]] = {
    "keycloak": (
        presets.keycloak("https://sso.example/realms/bank", audience="accounts-api", **KEYS),
        "JWT",
        {
            "iss": "https://sso.example/realms/bank", "aud": ["accounts-api", "account"], "sub": "u", "jti": "j",
            "typ": "Bearer", "azp": "fintech", "sid": "s", "acr": "1", "scope": "openid accounts",
            "realm_access": {"roles": ["user"]}, "nonce": "n",
        },
    ),
    "entra": (
        presets.entra_id(TENANT, audience=(GUID, f"api://{GUID}"), **KEYS),
        "JWT",
        {
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", "aud": GUID, "sub": "u", "oid": "o",
            "azp": "fintech", "azpacr": "1", "scp": "accounts", "roles": ["payments"], "ver": "2.0", "tid": TENANT,
            "nbf": int(NOW) - 5, "uti": "x",
        },
    ),
    "auth0": (
        presets.auth0("bank.eu.auth0.com", audience="https://api.example", **KEYS),
        "JWT",
        {
            "iss": "https://bank.eu.auth0.com/", "aud": ["https://api.example", "https://bank.eu.auth0.com/userinfo"],
            "sub": "auth0|1", "azp": "fintech", "scope": "openid accounts",
        },
    ),
    "auth0, RFC 9068": (
        presets.auth0("bank.eu.auth0.com", audience="https://api.example", **KEYS),
        "at+jwt",
        {
            "iss": "https://bank.eu.auth0.com/", "aud": "https://api.example", "sub": "auth0|1", "jti": "j",
            "client_id": "fintech", "scope": "accounts",
        },
    ),
    "okta": (
        presets.okta("https://bank.okta.com/oauth2/default", audience="api://default", **KEYS),
        None,
        {
            "iss": "https://bank.okta.com/oauth2/default", "aud": "api://default", "sub": "u@bank.example",
            "cid": "fintech", "uid": "0", "scp": ["accounts"], "jti": "AT.1", "ver": 1,
        },
    ),
    "cognito": (
        presets.cognito("eu-central-1", "eu-central-1_abc", client_ids=("fintech", "other"), **KEYS),
        None,
        {
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", "sub": "u",
            "client_id": "fintech", "token_use": "access", "scope": "accounts", "jti": "j", "username": "u",
        },
    ),
    "ping": (
        presets.ping("https://auth.pingone.eu/e/as", audience="https://api.example", **KEYS),
        "JWT",
        {
            "iss": "https://auth.pingone.eu/e/as", "aud": ["https://api.example"], "sub": "u",
            "client_id": "fintech", "scope": "accounts",
        },
    ),
}  # fmt: skip


def a_server_of(issuer: Issuer) -> ResourceServer:
    return a_server(issuers=[issuer])


def a_token_of(name: str, **changes: Any) -> str:
    _, typ, claims = SERVERS[name]
    members = {**TIMES, **claims, **changes}
    return mint({key: value for key, value in members.items() if value is not None}, AS_KEY, typ=typ)


@pytest.mark.parametrize("name", SERVERS)
def test_the_preset_takes_the_server_s_tokens(name: str) -> None:
    token = allowed(a_server_of(SERVERS[name][0]), a_view(f"Bearer {a_token_of(name)}"))
    assert token.client_id == "fintech"
    assert "accounts" in token.scopes


def test_roles_of_applications_count_beside_scopes() -> None:
    view = a_view(f"Bearer {a_token_of('entra')}")
    assert allowed(a_server_of(SERVERS["entra"][0]), view).scopes == {"accounts", "payments"}


def test_the_audience_is_what_the_issuer_writes() -> None:
    assert allowed(
        a_server_of(SERVERS["cognito"][0]), a_view(f"Bearer {a_token_of('cognito')}")
    ).audience == ("fintech",)


CHANGED: dict[str, tuple[str, dict[str, Any], str]] = {
    "keycloak, without the audience mapper": ("keycloak", {"aud": "account"}, "WrongAudience"),
    "keycloak, an ID token": ("keycloak", {"typ": "ID", "aud": "accounts-api"}, "NotAnAccessToken"),
    "keycloak, a refresh token": ("keycloak", {"typ": "Refresh"}, "NotAnAccessToken"),
    "keycloak, no client": ("keycloak", {"azp": None}, "MissingClaim"),
    "entra, another application": ("entra", {"aud": "00000003-0000-0000-c000-000000000000"}, "WrongAudience"),
    "entra, version 1": ("entra", {"ver": "1.0"}, "NotAnAccessToken"),
    "auth0, userinfo alone": ("auth0", {"aud": "https://bank.eu.auth0.com/userinfo"}, "WrongAudience"),
    "auth0, an ID token": ("auth0", {"nonce": "n"}, "ForbiddenClaim"),
    "auth0, an issuer without its slash": ("auth0", {"iss": "https://bank.eu.auth0.com"}, "UnknownIssuer"),
    "okta, an ID token": ("okta", {"at_hash": "h"}, "ForbiddenClaim"),
    "okta, the org server's token": ("okta", {"iss": "https://bank.okta.com"}, "UnknownIssuer"),
    "okta, a scope that is no name": ("okta", {"scp": ["accounts other"]}, "MalformedClaim"),
    "cognito, an ID token": ("cognito", {"token_use": "id", "aud": "fintech"}, "NotAnAccessToken"),
    "cognito, another app client": ("cognito", {"client_id": "stranger"}, "WrongAudience"),
    "cognito, no app client": ("cognito", {"client_id": None}, "MissingClaim"),
    "cognito, the audience of another claim": (
        "cognito",
        {"client_id": "stranger", "aud": "fintech"},
        "WrongAudience",
    ),
    "ping, another API": ("ping", {"aud": "https://other.example"}, "WrongAudience"),
}


@pytest.mark.parametrize(("name", "changes", "error"), CHANGED.values(), ids=CHANGED)
def test_the_preset_refuses(name: str, changes: dict[str, Any], error: str) -> None:
    found = refused(a_server_of(SERVERS[name][0]), a_view(f"Bearer {a_token_of(name, **changes)}"))
    assert type(found.error).__name__ == error
    assert found.status == 401


HINTS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "typ": ({}, "JWT", "typ='any'"),
    "aud": ({"aud": GUID}, "at+jwt", "audience="),
    "no aud": ({"aud": None}, "at+jwt", "audience_claim="),
    "client": ({"client_id": None}, "at+jwt", "client_claim="),
    "jti": ({"jti": None}, "at+jwt", "required="),
    "nonce": ({"nonce": "n"}, "at+jwt", "marked_by="),
    "issuer": ({"iss": "https://as.example/"}, "at+jwt", "letter by letter"),
}


@pytest.mark.parametrize(("changes", "typ", "told"), HINTS.values(), ids=HINTS)
def test_the_log_names_the_setting_that_would_help(
    changes: dict[str, Any], typ: str | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rskit")
    found = refused(a_server(), a_view(f"Bearer {a_token(typ=typ, **changes)}"))
    assert told in caplog.text
    assert "Issuer(" not in str(found.headers) + str(found.body)


def test_settings_win_over_the_preset() -> None:
    issuer = presets.okta(
        "https://bank.okta.com/oauth2/default", audience="a", client_claim="azp", name="bank"
    )
    assert (issuer.client_claim, issuer.label, issuer.scope_claim) == ("azp", "bank", "scp")


WRONG: dict[str, dict[str, Any]] = {
    "an empty audience": {"audience": ("",)},
    "another claim, and no audience": {"audience_claim": "client_id"},
    "no aud required": {"required": ("iss", "exp")},
}


@pytest.mark.parametrize("settings", WRONG.values(), ids=WRONG)
def test_an_issuer_whose_tokens_nobody_could_tell(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Issuer("https://as.example", **settings)


def test_introspected_tokens_have_the_same_audience() -> None:
    issuer = presets.cognito(
        "eu-central-1", "p", client_ids="fintech", introspection=Introspection("api", PrivateKeyJWT(a_key()))
    )
    server = a_server(issuers=[issuer])
    trusted = server._issuers.all()[0]
    members: dict[str, Any] = {"active": True, "client_id": "fintech", "exp": int(NOW) + 60}
    asking = issuer.introspection
    assert asking is not None
    check_members(members, trusted, asking, server._tokens._rules, NOW)
    with pytest.raises(WrongAudience):
        check_members({**members, "client_id": "other"}, trusted, asking, server._tokens._rules, NOW)
    with pytest.raises(InactiveToken):
        check_members({**members, "active": False}, trusted, asking, server._tokens._rules, NOW)
