"""`Issuer` with fitting settings for widely used authorization servers.

    bank = presets.keycloak("https://sso.example/realms/bank", audience="accounts-api")
    api = ResourceServer(resource=RESOURCE, issuers=[bank])

Each function returns an ordinary `Issuer`. `settings` are keyword arguments of `Issuer`; they override the preset.
docs/issuers/ says what to switch on at each server.

Spec: RFC 9068 2.2, 4
Role: RS
"""

from __future__ import annotations

from typing import Any, Final

from rskit.issuers.issuer import Issuer

__all__ = ["auth0", "cognito", "entra_id", "keycloak", "okta", "ping"]

_WITHOUT_CLIENT: Final = ("iss", "exp", "aud", "sub", "iat")


def keycloak(url: str, *, audience: str | tuple[str, ...], **settings: Any) -> Issuer:
    """Keycloak. `url`: a realm, such as https://sso.example/realms/bank.

    `audience`: what the realm's audience mapper adds, often a client id.
    """
    given: dict[str, Any] = {
        "audience": audience,
        "typ": "any",
        "client_claim": "azp",
        "marked_by": ("typ", "Bearer"),
        "required": ("iss", "exp", "aud", "iat", "jti", "client_id"),
    }
    return Issuer(url, **{**given, **settings})


def entra_id(tenant: str, *, audience: str | tuple[str, ...], **settings: Any) -> Issuer:
    """Microsoft Entra ID, tokens of version 2.0. `tenant`: its id, a GUID. `audience`: the application id or api://...

    `scp` holds the scopes of users, `roles` the permissions of applications. Both count as scopes. For several tenants
    configure several issuers: one issuer for all tenants would accept tokens that any tenant issues.
    """
    given: dict[str, Any] = {
        "audience": audience,
        "typ": "any",
        "client_claim": "azp",
        "scope_claim": ("scp", "roles"),
        "jwks_uri": f"https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys",
        "required": (*_WITHOUT_CLIENT, "client_id"),
        "marked_by": ("ver", "2.0"),
    }
    return Issuer(f"https://login.microsoftonline.com/{tenant}/v2.0", **{**given, **settings})


def auth0(domain: str, *, audience: str | tuple[str, ...], **settings: Any) -> Issuer:
    """Auth0. `domain`: a tenant or custom domain, such as bank.eu.auth0.com. `audience`: the API's identifier."""
    given: dict[str, Any] = {
        "audience": audience,
        "typ": "any",
        "client_claim": "azp",
        "required": _WITHOUT_CLIENT,  # one of Auth0's two token dialects has client_id, the other azp
    }
    return Issuer(f"https://{domain}/", **{**given, **settings})


def okta(url: str, *, audience: str | tuple[str, ...], **settings: Any) -> Issuer:
    """A custom authorization server, such as https://bank.okta.com/oauth2/default. `audience`: as configured there.

    Tokens of the org server (without /oauth2/...) are for Okta only: an API can only introspect them, not verify them.
    """
    given: dict[str, Any] = {
        "audience": audience,
        "typ": "any",
        "client_claim": "cid",
        "scope_claim": "scp",
        "required": (*_WITHOUT_CLIENT, "jti", "client_id"),
    }
    return Issuer(url, **{**given, **settings})


def cognito(region: str, user_pool: str, *, client_ids: str | tuple[str, ...], **settings: Any) -> Issuer:
    """A user pool. Its access tokens have no `aud`. `client_ids`: the app clients whose tokens are for this API."""
    given: dict[str, Any] = {
        "audience": client_ids,
        "audience_claim": "client_id",
        "typ": "any",
        "marked_by": ("token_use", "access"),
        "required": (*_WITHOUT_CLIENT, "jti", "client_id"),
    }
    return Issuer(f"https://cognito-idp.{region}.amazonaws.com/{user_pool}", **{**given, **settings})


def ping(url: str, *, audience: str | tuple[str, ...], **settings: Any) -> Issuer:
    """PingOne or PingFederate with JWT access tokens. `url`: such as https://auth.pingone.eu/ENVIRONMENT/as."""
    given: dict[str, Any] = {
        "audience": audience,
        "typ": "any",
        "required": (*_WITHOUT_CLIENT, "client_id"),
    }
    return Issuer(url, **{**given, **settings})
