"""The metadata of an API (protected resource metadata): which authorization servers it trusts, and which scopes.

Spec: RFC 9728 2, 3.1, 3.3a, 3.3b, 5.1, 7.3, 7.7; FAPI2-SP 5.3.3.1-10
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from fapikit.errors import (
    ConfigurationError,
    FapiError,
    InsecureUrl,
    MalformedMessage,
    MessageError,
    MetadataError,
    PeerRefused,
    Remedy,
    TransportError,
    UnexpectedRedirect,
    UnexpectedStatus,
)
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, HttpResponse, raise_error_in_body, read_json_object
from fapikit.members import LOG, Members
from fapikit.setting_types import require_text, require_texts
from fapikit.urls import (
    has_origin,
    is_secure,
    origin_of,
    require_no_downgrade,
    require_secure,
    without_query,
)
from fapikit.www_authenticate import Challenge
from rpkit.api.challenge import read_challenges
from rpkit.bank import Bank
from rpkit.errors import OtherAuthorizationServer

_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_NOT_THERE: Final = (UnexpectedStatus, UnexpectedRedirect, PeerRefused, MalformedMessage)
_WITHOUT_THE_API: Final = "use Client.discover(issuer), which does not ask the API"


@dataclass(frozen=True, slots=True)
class ResourceMetadata:
    """The metadata of an API. They are trusted, because `resource` is the identifier that they were requested for."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)


def metadata_url(resource: str) -> str:
    """The URL of the metadata: the well-known part goes between host and path, and a query stays."""
    parts = urlsplit(resource)
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{path}{query}"


def discover_resource(resource: str, *, url: str | None = None) -> Flow[ResourceMetadata]:
    """Fetch and check the metadata. Raises MetadataError, MalformedMessage, InsecureUrl, TransportError."""
    require_secure(resource, "the resource")
    where = require_secure(url or metadata_url(resource), "resource_metadata")
    request = HttpRequest("GET", where, (("accept", "application/json"),))
    members = _read((yield from http(request)))
    named = members.present.get("resource")
    if named is None:
        raise MetadataError(
            f"the metadata at {without_query(where)} name no resource, so they are not used: the API must add it; until"
            f" then {_WITHOUT_THE_API}",
            clause="RFC 9728 3.3a" if url is None else "RFC 9728 3.3b",
            facts={"member": "resource", "expected": resource},
        )
    if named != resource:
        raise MetadataError(
            f"the metadata name another resource than {resource}; they are not used. Give the resource exactly as the"
            " API writes it, or correct the metadata of the API",
            clause="RFC 9728 3.3a" if url is None else "RFC 9728 3.3b",
            facts={"expected": resource, "got": str(named)[:200]},
        )
    return ResourceMetadata(
        resource,
        members.strings("authorization_servers") or (),
        members.strings("scopes_supported") or (),
        members.present,
    )


def find_issuer(resource: str, allowed: str | Collection[str] | None) -> Flow[str]:
    """The authorization server to use for an API: the first issuer of `allowed` that the API trusts.

    `allowed`: one issuer or several. Without it, only a server at the API's own origin is accepted. An API, or an
    attacker who controls it, must not choose where the credentials of this client are sent.

    Raises ConfigurationError if `allowed` is empty, before the API is called; OtherAuthorizationServer if the API
    trusts none of the allowed servers; MetadataError if the API names no server, or several at its own origin;
    InsecureUrl if an API on the network names only servers on this machine; UnexpectedStatus or MalformedMessage if
    its metadata are neither at the well-known URL nor where its answer without a token points.
    """
    require_text("resource", resource)
    if allowed is not None and not isinstance(allowed, str):
        require_texts("issuer", allowed)
    if allowed is not None and not allowed:
        raise ConfigurationError(
            "issuer= is empty: name the authorization servers that this client may use for the API",
            clause="RFC 9728 7.7",
        )
    servers = (yield from _find_metadata(resource)).authorization_servers
    if not servers:
        raise MetadataError(
            f"the metadata of {resource} list no authorization_servers: use Client.discover(issuer)",
            clause="RFC 9728 2",
        )
    if allowed is not None:
        named = (allowed,) if isinstance(allowed, str) else tuple(allowed)
        found = next((issuer for issuer in named if issuer in servers), None)
        found = found or next(
            (issuer for issuer in named if _equal_but_for_slash(issuer, servers, resource)), None
        )
        if found is None:
            raise OtherAuthorizationServer(
                f"this API trusts {_shown(servers)}, and issuer= allows {_shown(named)}: correct issuer=; if both are"
                f" the same server under two names, {_WITHOUT_THE_API}",
                authorization_servers=servers,
            )
        return found
    servers = _without_downgrades(resource, servers)
    beside = [server for server in servers if has_origin(server, origin_of(resource))]
    if not beside:
        elsewhere = dict.fromkeys(origin_of(server) for server in servers if is_secure(server))
        raise OtherAuthorizationServer(
            f"this API trusts only authorization servers at other origins, {_shown(elsewhere)}: set issuer= to the"
            " issuer that you trust too, exactly as its metadata spell it",
            authorization_servers=servers,
        )
    if len(beside) > 1:
        raise MetadataError(
            f"the API names {len(beside)} authorization servers at its own origin: choose one with issuer=",
            clause="RFC 9728 2",
            facts={"authorization_servers": " ".join(beside)},
        )
    return beside[0]


def _find_metadata(resource: str) -> Flow[ResourceMetadata]:
    """From the well-known URL of this resource. If they are not there, from where the API itself says that they are."""
    try:
        return (yield from discover_resource(resource))
    except _NOT_THERE as error:
        failures = [error]
    pointer = yield from _ask_for_pointer(resource)
    if pointer is not None and pointer != metadata_url(resource):
        try:
            return (yield from discover_resource(resource, url=pointer))
        except _NOT_THERE as error:
            failures.append(error)
    raise _no_metadata(resource, failures, pointer)


def _ask_for_pointer(resource: str) -> Flow[str | None]:
    """The `resource_metadata` of the challenge to a request without a token; None if there is none to follow."""
    try:
        response = yield from http(HttpRequest("GET", resource))
    except TransportError:
        return None
    return _pointer_in(read_challenges(response.all("www-authenticate")), resource)


def _no_metadata(resource: str, failures: Sequence[FapiError], pointer: str | None) -> FapiError:
    reasons = "; ".join(error.message for error in failures)  # each names its URL
    other = "no" if pointer is None else "no further"
    kind = MalformedMessage if all(isinstance(e, MalformedMessage) for e in failures) else UnexpectedStatus
    later = any(error.remedy is Remedy.RETRY_LATER for error in failures)
    return kind(
        f"no metadata of {resource} are found: {reasons}; and its answer without a token names {other} place at its own"
        f" origin (resource_metadata). If you know the issuer, {_WITHOUT_THE_API}",
        clause="RFC 9728 3.1",
        remedy=Remedy.RETRY_LATER if later else Remedy.FIX_CONFIGURATION,
        facts=failures[-1].facts,
    )


def _without_downgrades(resource: str, servers: tuple[str, ...]) -> tuple[str, ...]:
    """The servers that an API may name. One that it may not name is no reason to lose the others.

    Raises InsecureUrl if none is left.
    """
    kept: list[str] = []
    refused: InsecureUrl | None = None
    for server in servers:
        try:
            require_no_downgrade(resource, server, "the authorization server of this API")
        except InsecureUrl as error:
            refused = error
            LOG.warning("%s: %s is left out, because it is not https", resource, _shown([server]))
        else:
            kept.append(server)
    if refused is not None and not kept:
        raise refused
    return tuple(kept)


def require_our_server(bank: Bank, challenges: Iterable[Challenge], url: str) -> Flow[None]:
    """After a 401 that points to the API's metadata: check that the API trusts the server of this client.

    Raises OtherAuthorizationServer. If the metadata cannot be fetched or trusted, nothing is raised, and the
    application gets the 401.
    """
    pointer = _pointer_in(challenges, url)
    if pointer is None:
        return
    try:
        request = HttpRequest("GET", pointer, (("accept", "application/json"),))
        members = _read((yield from http(request)))
        servers = members.strings("authorization_servers")
    except (MetadataError, MessageError, TransportError):
        return
    resource = members.present.get("resource")
    if not isinstance(resource, str) or not url.startswith(resource) or not servers:
        return
    if bank.issuer not in servers and not _equal_but_for_slash(bank.issuer, servers, resource):
        raise OtherAuthorizationServer(
            f"this API trusts {_shown(servers)}, and {bank.issuer} issued these tokens: use tokens of a server that the"
            " API trusts",
            authorization_servers=servers,
        )


def _pointer_in(challenges: Iterable[Challenge], url: str) -> str | None:
    """Only at the API's own origin: a challenge must not send us to any other URL (RFC 9728 7.7)."""
    named = (challenge.parameters.get("resource_metadata") for challenge in challenges)
    pointer = next((value for value in named if value), None)
    allowed = pointer is not None and is_secure(pointer) and has_origin(pointer, origin_of(url))
    return pointer if allowed else None


def _read(response: HttpResponse) -> Members:
    members = read_json_object(response, clause="RFC 9728 3.1")
    if members.get("resource") is None:
        raise_error_in_body(response, clause="RFC 9728 3.1")
    return Members(
        members,
        document=f"the metadata at {without_query(response.url)}",
        clause="RFC 9728 2",
    )


def _equal_but_for_slash(issuer: str, servers: Iterable[str], resource: str) -> bool:
    """Whether the API lists this issuer with or without a slash at its end. Another path is another issuer."""
    found = next((server for server in servers if server.rstrip("/") == issuer.rstrip("/")), None)
    if found is not None:
        LOG.warning("%s trusts %s, which is accepted as %s [RFC 9728 2]", resource, found, issuer)
    return found is not None


def _shown(issuers: Iterable[str]) -> str:
    return " ".join(repr(issuer[:200]) for issuer in issuers)
