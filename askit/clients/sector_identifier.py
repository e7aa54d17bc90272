"""The sector of a client with pairwise subjects: within a sector all see the same `sub` of a user.

A sector is a host. Whoever could choose it freely would see the subjects of somebody else. So every URI to which
tokens are sent must be on this host, or in the list that lies behind `sector_identifier_uri`. A client that fetches its
tokens itself (CIBA, a device) proves a key of its `jwks_uri`, and that URI counts in the same way. A logout token has a
subject too, so it goes to this host or to one of theirs: otherwise a client whose codes go to somebody else, and whose
logout tokens go to itself, would learn that party's subjects.

Spec: OIDC 8, 8.1; OIDC Registration 2, 5; CIBA 4e
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from askit.clients import backchannel
from askit.errors import InvalidClientMetadata
from fapikit import strict_json
from fapikit.errors import ResponseTooLarge, UnexpectedRedirect
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.urls import is_loopback_host
from fapikit.urns import DEVICE_CODE

SUBJECT_TYPE: Final = "subject_type"
SECTOR_IDENTIFIER_URI: Final = "sector_identifier_uri"
LOGOUT_URI: Final = "backchannel_logout_uri"
PUBLIC: Final = "public"
PAIRWISE: Final = "pairwise"
FETCH_TIMEOUT: Final = 5.0
MAX_OCTETS: Final = 32 * 1024
_PROVES_A_KEY: Final = frozenset({"private_key_jwt", "self_signed_tls_client_auth"})
_CLAUSE: Final = "OIDC Registration 5"


def is_pairwise(members: Mapping[str, Any]) -> bool:
    return members.get(SUBJECT_TYPE) == PAIRWISE


def sector_of(members: Mapping[str, Any]) -> str:
    """The host that is the sector of a client with pairwise subjects. Raises InvalidClientMetadata without one."""
    uri = members.get(SECTOR_IDENTIFIER_URI)
    if uri is not None:
        return urlsplit(str(uri)).hostname or ""
    hosts = {urlsplit(placing).hostname or "" for _, placing in _placing_uris(members)}
    if len(hosts) != 1:
        raise InvalidClientMetadata(
            f"pairwise subjects need {SECTOR_IDENTIFIER_URI}: the URIs of this client have {len(hosts)} hosts, not one",
            clause="OIDC 8.1",
            facts={"hosts": len(hosts)},
        )
    (host,) = hosts
    if not host or is_loopback_host(host):
        raise InvalidClientMetadata(
            f"pairwise subjects need {SECTOR_IDENTIFIER_URI}: the redirect URI has no host that is the client's own",
            clause="OIDC 8.1",
        )
    return host


def check_subject_members(members: Mapping[str, Any]) -> None:
    """Check members with correct types. Raises InvalidClientMetadata."""
    if members.get(SUBJECT_TYPE, PUBLIC) not in (PUBLIC, PAIRWISE):
        raise InvalidClientMetadata(
            f"{SUBJECT_TYPE} must be {PUBLIC} or {PAIRWISE}", clause="OIDC Registration 2"
        )
    if "#" in members.get(SECTOR_IDENTIFIER_URI, ""):
        raise InvalidClientMetadata(f"{SECTOR_IDENTIFIER_URI} must not have a fragment", clause=_CLAUSE)
    if not is_pairwise(members):
        return
    sector_of(members)
    if _fetches_tokens(members, backchannel.uses_ciba(members)):
        _require_proven_key(members, "CIBA 4e")


def check_own_sector(members: Mapping[str, Any]) -> None:
    """What is also checked if no operator vouches for the client. Raises InvalidClientMetadata."""
    if not is_pairwise(members):
        return
    if DEVICE_CODE in members.get("grant_types", ()):
        _require_proven_key(members, "OIDC 8.1")
    if not any(_placing_uris(members)):
        raise InvalidClientMetadata(
            "pairwise subjects need a redirect URI: without one nothing says that the sector is this client's",
            clause="OIDC 8.1",
        )
    _require_own_host(members, LOGOUT_URI)


def _require_own_host(members: Mapping[str, Any], name: str) -> None:
    """Raise InvalidClientMetadata for a URI on a host that neither is the sector nor has a URI that must be of it."""
    hosts = {sector_of(members), *(urlsplit(placing).hostname for _, placing in _placing_uris(members))}
    if name in members and urlsplit(members[name]).hostname not in hosts:
        raise InvalidClientMetadata(
            f"pairwise subjects need a {name} on a host of the redirect URIs, or on that of {SECTOR_IDENTIFIER_URI}",
            clause="OIDC 8.1",
            facts={"member": name},
        )


def require_listed(members: Mapping[str, Any]) -> Flow[None]:
    """Fetch the list behind `sector_identifier_uri`, if the client has one: all its URIs must be in it.

    Raises InvalidClientMetadata; TransportError if the list cannot be fetched now.
    """
    uri = members.get(SECTOR_IDENTIFIER_URI)
    if uri is None:
        return
    request = HttpRequest(
        "GET", uri, (("accept", "application/json"),), timeout=FETCH_TIMEOUT, max_bytes=MAX_OCTETS
    )
    try:
        response = yield from http(request)
    except (ResponseTooLarge, UnexpectedRedirect) as error:
        raise InvalidClientMetadata(
            f"{SECTOR_IDENTIFIER_URI} gives no list of URIs: {error.message}", clause=_CLAUSE
        ) from error
    listed = _read(response)
    for name, placing in _placing_uris(members):
        if placing not in listed:
            raise InvalidClientMetadata(
                f"the list behind {SECTOR_IDENTIFIER_URI} does not have every URI of {name}",
                clause=_CLAUSE,
                facts={"member": name},
            )


def _placing_uris(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The URIs by which a client belongs to a sector, each after the member that holds it."""
    for uri in members.get("redirect_uris", ()):
        yield "redirect_uris", uri
    ciba = backchannel.uses_ciba(members)
    by_key = _fetches_tokens(members, ciba) or DEVICE_CODE in members.get("grant_types", ())
    if by_key and "jwks_uri" in members:
        yield "jwks_uri", members["jwks_uri"]
    if ciba and members.get(backchannel.DELIVERY_MODE) == "push":
        yield backchannel.NOTIFICATION_ENDPOINT, members[backchannel.NOTIFICATION_ENDPOINT]


def _fetches_tokens(members: Mapping[str, Any], ciba: bool) -> bool:
    return ciba and members.get(backchannel.DELIVERY_MODE) != "push"


def _require_proven_key(members: Mapping[str, Any], clause: str) -> None:
    if "jwks_uri" not in members:
        raise InvalidClientMetadata(
            "pairwise subjects need jwks_uri, if tokens are not sent to a redirect URI", clause=clause
        )
    method = members.get("token_endpoint_auth_method")
    if method not in _PROVES_A_KEY and backchannel.SIGNING_ALG not in members:
        raise InvalidClientMetadata(
            "pairwise subjects need a client that proves a key of its jwks_uri: register private_key_jwt,"
            f" self_signed_tls_client_auth or {backchannel.SIGNING_ALG}",
            clause=clause,
        )


def _read(response: HttpResponse) -> frozenset[str]:
    if response.status != 200:
        raise InvalidClientMetadata(
            f"{SECTOR_IDENTIFIER_URI} answers with {response.status} instead of 200",
            clause=_CLAUSE,
            facts={"status": response.status},
        )
    try:
        listed = strict_json.parse_value(response.body)
    except ValueError as error:
        raise InvalidClientMetadata(f"{SECTOR_IDENTIFIER_URI} gives no JSON", clause=_CLAUSE) from error
    if not isinstance(listed, list) or not all(isinstance(uri, str) for uri in listed):
        raise InvalidClientMetadata(
            f"{SECTOR_IDENTIFIER_URI} must give a JSON array of strings", clause=_CLAUSE
        )
    return frozenset(listed)
