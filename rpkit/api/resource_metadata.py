"""The metadata of an API (protected resource metadata): which authorization servers it trusts, and which scopes.

Spec: RFC 9728 2, 3.1, 3.3a, 3.3b, 5.1, 7.3, 7.7; FAPI2-SP 5.3.3.1-10
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from fapikit.errors import ConfigurationError, MessageError, MetadataError, TransportError
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, HttpResponse, raise_error_in_body, read_json_object
from fapikit.members import LOG, Members
from fapikit.urls import (
    has_origin,
    is_secure,
    origin_of,
    require_no_downgrade,
    require_secure,
    without_query,
)
from fapikit.www_authenticate import Challenge
from rpkit.bank import Bank
from rpkit.errors import OtherAuthorizationServer

_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


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
    InsecureUrl if an API on the network names a server on this machine.
    """
    if allowed is not None and not allowed:
        raise ConfigurationError(
            "issuer= is empty: name the authorization servers that this client may use for the API",
            clause="RFC 9728 7.7",
        )
    servers = (yield from discover_resource(resource)).authorization_servers
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
                " the same server under two names, use Client.discover(issuer), which does not ask the API",
                authorization_servers=servers,
            )
        return found
    for server in servers:
        require_no_downgrade(resource, server, "the authorization server of this API")
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


def require_our_server(bank: Bank, challenges: Iterable[Challenge], url: str) -> Flow[None]:
    """After a 401 that points to the API's metadata: check that the API trusts the server of this client.

    Raises OtherAuthorizationServer. If the metadata cannot be fetched or trusted, nothing is raised, and the
    application gets the 401.
    """
    pointer = next(
        (c.parameters["resource_metadata"] for c in challenges if "resource_metadata" in c.parameters), None
    )
    # Only the API's own origin is called: a challenge must not send us to any other URL (RFC 9728 7.7).
    if pointer is None or not is_secure(pointer) or origin_of(pointer) != origin_of(url):
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
