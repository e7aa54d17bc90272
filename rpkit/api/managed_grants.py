"""A grant at the server: what it holds, and its end. The client shows an access token of its own, of no user.

Spec: GM 6.1, 6.2, 6.3, 6.4, 6.5, 6.6
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.grant_management import QUERY, REVOKE, SCOPES
from fapikit.http_message import HttpResponse, read_json_object
from fapikit.members import Members
from rpkit.api.challenge import raise_resource_error_in_body, read_resource_refusal
from rpkit.api.protected_call import call_protected
from rpkit.bank import Bank
from rpkit.errors import NoAccessToken, NoSuchGrant
from rpkit.grants.client_credentials import client_credentials
from rpkit.login.grant_management import require_action
from rpkit.tokens.certificate_binding import require_certificate
from rpkit.tokens.grant_id import require_grant_id
from rpkit.tokens.token_set import TokenSet, require_own

_QUERIED: Final = "GM 6.4"
_REVOKED: Final = "GM 6.5"


@dataclass(frozen=True, slots=True)
class GrantedScope:
    """Scopes of a grant, and the APIs that they are for; none: for any, or for UserInfo."""

    scope: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldByGrant:
    """What a grant holds. Times are Unix times; None: the server did not tell. `claims`: their names.

    `updated_by`: who changed it last, `client` or `authorization_server`. `members`: the whole answer, as it came.
    """

    grant_id: str
    scopes: tuple[GrantedScope, ...]
    claims: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    created_at: float | None
    last_updated_at: float | None
    expires_at: float | None
    updated_by: str | None
    members: Mapping[str, Any] = field(repr=False)


def query_grant(bank: Bank, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> Flow[HeldByGrant]:
    """What a grant holds now. `grant`: its tokens, or its `grant_id`.

    `tokens`: a set of `client_credentials` with the scope `grant_management_query`. Without it, one is fetched.
    Raises ConfigurationError, MissingMetadata, NoAccessToken before the call; then NoSuchGrant, PeerRefused,
    MalformedMessage, TransportError.
    """
    grant_id = _grant_id(bank, grant)
    response = yield from _call(bank, "GET", grant_id, QUERY, tokens)
    if not response.success:
        raise _refusal(response, _QUERIED)
    return _read(response, grant_id)


def revoke_grant(bank: Bank, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> Flow[None]:
    """End a grant with all its tokens. `grant` and `tokens`: as in `query_grant`, with the scope `..._revoke`.

    The stored set of a `TokenSet` is deleted. Raises what `query_grant` raises. NoSuchGrant says that the grant had
    ended already, by an earlier call whose answer was lost for example; the stored set is deleted then too.
    """
    grant_id = _grant_id(bank, grant)
    response = yield from _call(bank, "DELETE", grant_id, REVOKE, tokens)
    refusal = None if response.success else _refusal(response, _REVOKED)
    if isinstance(grant, TokenSet) and (refusal is None or isinstance(refusal, NoSuchGrant)):
        yield from bank.settings.token_store.forget(grant.key, grant.grant)
    if refusal is not None:
        raise refusal


def _grant_id(bank: Bank, grant: TokenSet | str) -> str:
    if not isinstance(grant, TokenSet):
        return require_grant_id(grant)
    require_own(grant, bank.issuer, bank.settings.client_id)
    if grant.grant_id is None:
        raise ConfigurationError(
            'these tokens have no grant_id: begin their login with grant_management_action="create"',
            clause="GM 5.5",
        )
    return grant.grant_id


def _call(bank: Bank, method: str, grant_id: str, action: str, tokens: TokenSet | None) -> Flow[HttpResponse]:
    require_action(bank, action)
    url = f"{bank.endpoint('grant_management_endpoint').rstrip('/')}/{grant_id}"
    if tokens is None:
        tokens = yield from client_credentials(bank, scope=SCOPES[action])
    require_own(tokens, bank.issuer, bank.settings.client_id)
    token = tokens.find(None)
    if token is None:
        raise NoAccessToken(
            f"the token set has no access token for the server itself: request {SCOPES[action]} without a resource"
        )
    require_certificate(bank, token)
    accept = (("accept", "application/json"),)
    return (yield from call_protected(bank, method, url, token=token, dpop=tokens.dpop, headers=accept))


def _refusal(response: HttpResponse, clause: str) -> Exception:
    if response.status == 404:
        return NoSuchGrant(
            "the server knows no grant with this grant_id, or it has ended: ask the user again"
        )
    return read_resource_refusal(response, clause=clause)


def _read(response: HttpResponse, grant_id: str) -> HeldByGrant:
    members = Members(
        read_json_object(response, clause=_QUERIED), document="the answer about a grant", clause=_QUERIED
    )
    if "error" in members.present:
        raise_resource_error_in_body(response, clause=_QUERIED)
    return HeldByGrant(
        grant_id=grant_id,
        scopes=tuple(_scope(members, entry) for entry in _array(members, "scopes", dict)),
        claims=tuple(_array(members, "claims", str)),
        authorization_details=tuple(_details(members)),
        created_at=members.number("created_at"),
        # Its text names it last_updated, its example last_updated_at.
        last_updated_at=members.number("last_updated_at") or members.number("last_updated"),
        expires_at=members.number("expires_at"),
        updated_by=members.text("updated_by"),
        members=members.present,
    )


def _array(members: Members, name: str, of: type) -> list[Any]:
    """An array of one type. What an application may act upon is refused if it is something else."""
    value = members.present.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, of) for item in value):
        raise members.refuse(name, "is not an array of the right type", clause=_QUERIED)
    return value


def _scope(members: Members, entry: Mapping[str, Any]) -> GrantedScope:
    scope, resources = entry.get("scope"), entry.get("resource", [])
    resources = [resources] if isinstance(resources, str) else resources
    if not isinstance(scope, str) or not isinstance(resources, list):
        raise members.refuse(
            "scopes", "has an entry without a scope, or with a wrong resource", clause=_QUERIED
        )
    return GrantedScope(scope, tuple(map(str, resources)))


def _details(members: Members) -> list[Mapping[str, Any]]:
    details: list[Mapping[str, Any]] = _array(members, "authorization_details", dict)
    if not all(isinstance(detail.get("type"), str) for detail in details):
        raise members.refuse("authorization_details", "has an item without a type", clause="RFC 9396 2")
    return details
