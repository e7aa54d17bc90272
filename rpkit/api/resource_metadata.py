"""An API's own metadata: which authorization servers it trusts, and what it asks of a token.

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
from fapikit.http_message import HttpRequest, HttpResponse, read_json_object
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
    """What an API says of itself, believed because `resource` is the very identifier it was asked by."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)


def metadata_url(resource: str) -> str:
    """The well-known part goes between host and path; a query stays."""
    parts = urlsplit(resource)
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{path}{query}"


def discover_resource(resource: str, *, url: str | None = None) -> Flow[ResourceMetadata]:
    """Fetch and check. Raises MetadataError, MalformedMessage, InsecureUrl, TransportError."""
    require_secure(resource, "the resource")
    where = require_secure(url or metadata_url(resource), "resource_metadata")
    request = HttpRequest("GET", where, (("accept", "application/json"),))
    members = _read((yield from http(request)))
    named = members.present.get("resource")
    if named != resource:
        raise MetadataError(
            "the metadata names another resource than the one it was asked of; nothing in it is used",
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
    """The authorization server to use for an API: the first of `allowed`, one or several issuers, that the API trusts.

    Without `allowed` only one at the API's own origin will do: whoever runs the API, or has broken into it, does not
    choose where our client's credentials go.

    Raises ConfigurationError if none is allowed at all, before the API is asked; OtherAuthorizationServer if the API
    trusts none of the allowed; MetadataError if it names none, or several at its own origin; InsecureUrl if an API on
    the network names a server on this machine.
    """
    if allowed is not None and not allowed:
        raise ConfigurationError(
            "issuer= is empty: name the authorization servers that this client may use for the API",
            clause="RFC 9728 7.7",
        )
    servers = (yield from discover_resource(resource)).authorization_servers
    if not servers:
        raise MetadataError("the API names no authorization server", clause="RFC 9728 2")
    if allowed is not None:
        named = (allowed,) if isinstance(allowed, str) else tuple(allowed)
        found = next((issuer for issuer in named if issuer in servers), None)
        found = found or next(
            (issuer for issuer in named if _spelt_otherwise(issuer, servers, resource)), None
        )
        if found is None:
            raise OtherAuthorizationServer(
                f"this API trusts {_shown(servers)}, and issuer= allows {_shown(named)} (if they are one server under"
                " two names, Client.discover(issuer) asks the API for none)",
                authorization_servers=servers,
            )
        return found
    for server in servers:
        require_no_downgrade(resource, server, "the authorization server of this API")
    beside = [server for server in servers if has_origin(server, origin_of(resource))]
    if not beside:
        elsewhere = dict.fromkeys(origin_of(server) for server in servers if is_secure(server))
        raise OtherAuthorizationServer(
            f"this API trusts authorization servers elsewhere, at {_shown(elsewhere)}: name with issuer= the one"
            " that you trust too, as it calls itself",
            authorization_servers=servers,
        )
    if len(beside) > 1:
        raise MetadataError(
            f"the API names {len(beside)} authorization servers: choose one with issuer=",
            clause="RFC 9728 2",
            facts={"authorization_servers": " ".join(beside)},
        )
    return beside[0]


def require_our_server(bank: Bank, challenges: Iterable[Challenge], url: str) -> Flow[None]:
    """After a 401 that points to the API's metadata: is our server among those it trusts?

    Raises OtherAuthorizationServer. Metadata that cannot be had or believed changes nothing: the 401 stands.
    """
    pointer = next(
        (c.parameters["resource_metadata"] for c in challenges if "resource_metadata" in c.parameters), None
    )
    # Only the API's own host is asked, so that a challenge cannot send us anywhere (RFC 9728 7.7).
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
    if bank.issuer not in servers and not _spelt_otherwise(bank.issuer, servers, resource):
        raise OtherAuthorizationServer(
            f"this API trusts {_shown(servers)}, and these tokens are of {bank.issuer}",
            authorization_servers=servers,
        )


def _read(response: HttpResponse) -> Members:
    return Members(
        read_json_object(response, clause="RFC 9728 3.1"),
        document=f"the metadata at {without_query(response.url)}",
        clause="RFC 9728 2",
    )


def _spelt_otherwise(issuer: str, servers: Iterable[str], resource: str) -> bool:
    """Whether the API means this issuer, and spells it with a slash more or less. Another path is another issuer."""
    found = next((server for server in servers if server.rstrip("/") == issuer.rstrip("/")), None)
    if found is not None:
        LOG.warning("%s trusts %s, which is taken for %s [RFC 9728 2]", resource, found, issuer)
    return found is not None


def _shown(issuers: Iterable[str]) -> str:
    return " ".join(repr(issuer[:200]) for issuer in issuers)
