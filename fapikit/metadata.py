"""Authorization server metadata: fetched from its well-known document, believed only if the issuer matches.

Spec: RFC 8414 2, 3, 3.3; OIDC Discovery 4; FAPI2-SP 5.3.3.1-9, -10, -11; FAPI1-BL 5.2.3-11; RFC 8705 5
Role: C, RS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from fapikit.errors import (
    ConfigurationError,
    IssuerMismatch,
    MalformedMessage,
    MissingMetadata,
    Remedy,
    UnexpectedStatus,
)
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, read_json_object
from fapikit.urls import has_origin, origin_of, require_no_downgrade, require_secure

WellKnown: TypeAlias = Literal["oauth-authorization-server", "openid-configuration"]

ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
    "registration_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "end_session_endpoint",
    "jwks_uri",
)


def well_known_url(issuer: str, kind: WellKnown) -> str:
    """RFC 8414 puts the well-known part between host and path, OIDC Discovery after the issuer; one slash each."""
    if kind == "openid-configuration":
        return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer)
    path = parts.path.removesuffix("/")
    return f"{parts.scheme}://{parts.netloc}/.well-known/{kind}{path}"


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """Checked metadata. `raw` is read-only; every endpoint in it is https (or loopback)."""

    issuer: str
    raw: Mapping[str, Any]

    def endpoint(self, name: str, *, mtls: bool = False) -> str:
        """An endpoint's URL; with `mtls` its alias where one is listed. Raises MissingMetadata."""
        if mtls:
            alias = self.mtls_endpoint_aliases.get(name)
            if alias is not None:
                return alias
        url = self.raw.get(name)
        if not isinstance(url, str):
            raise MissingMetadata(
                f"{self.issuer} lists no {name}", clause="RFC 8414 2", facts={"member": name}
            )
        return url

    def has(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def strings(self, name: str) -> tuple[str, ...] | None:
        """A list member, or None if absent. Raises MalformedMessage for what is no list of strings."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MalformedMessage(
                f"{name} of {self.issuer} is not a list of strings",
                clause="RFC 8414 2",
                facts={"member": name},
            )
        return tuple(value)

    def flag(self, name: str) -> bool:
        return self.raw.get(name) is True

    @property
    def mtls_endpoint_aliases(self) -> Mapping[str, str]:
        aliases: Mapping[str, str] = self.raw.get("mtls_endpoint_aliases") or MappingProxyType({})
        return aliases


def discover(
    issuer: str, *, kinds: tuple[WellKnown, ...] = ("oauth-authorization-server", "openid-configuration")
) -> Flow[ServerMetadata]:
    """Fetch the metadata, trying each kind of document until one exists.

    Raises ConfigurationError, IssuerMismatch, MalformedMessage, UnexpectedStatus, InsecureUrl, TransportError.
    """
    require_secure(issuer, "the issuer")
    if "?" in issuer or "#" in issuer:
        raise ConfigurationError("an issuer has neither query nor fragment", clause="RFC 8414 2")
    for position, kind in enumerate(kinds):
        request = HttpRequest("GET", well_known_url(issuer, kind), (("accept", "application/json"),))
        response = yield from http(request)
        if 400 <= response.status < 500:
            if position + 1 < len(kinds):
                continue
            raise UnexpectedStatus(
                f"no metadata is at {request.url}: is {issuer!a} the server's issuer, letter by letter?",
                clause="RFC 8414 3.2",
                remedy=Remedy.FIX_CONFIGURATION,
                facts={"status": response.status},
            )
        return read_metadata(issuer, read_json_object(response, clause="RFC 8414 3.2"))
    raise ValueError("no kind of metadata to ask for")


def read_metadata(issuer: str, members: Mapping[str, Any]) -> ServerMetadata:
    """Check a metadata document. Raises IssuerMismatch, MalformedMessage, InsecureUrl."""
    named = members.get("issuer")
    if named != issuer:
        got = str(named)[:200]
        # A slash or a tenant mistyped is ours to mend; another host's metadata is an attack, or the server's mistake.
        ours = isinstance(named, str) and has_origin(named, origin_of(issuer))
        raise IssuerMismatch(
            f"the metadata names another issuer, {got!a}, than {issuer!a} of which it was asked; nothing in it is used"
            + (" (if that is the server you mean, configure its issuer letter by letter)" if ours else ""),
            remedy=Remedy.FIX_CONFIGURATION if ours else None,
            facts={"expected": issuer, "got": got},
        )
    for name, value in members.items():
        if name.endswith("_supported") and not isinstance(value, bool):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise MalformedMessage(
                    f"{name[:80]!a} is neither a list of strings nor a boolean",
                    clause="RFC 8414 2",
                    facts={"member": name[:80]},
                )
        elif name in ENDPOINTS:
            _require_endpoint(issuer, name, value)
    aliases = members.get("mtls_endpoint_aliases", {})
    if not isinstance(aliases, dict):
        raise MalformedMessage(
            "mtls_endpoint_aliases is not an object",
            clause="RFC 8705 5",
            facts={"member": "mtls_endpoint_aliases"},
        )
    for name, value in aliases.items():
        _require_endpoint(issuer, f"mtls_endpoint_aliases.{name}", value)
    frozen = (
        {**members, "mtls_endpoint_aliases": MappingProxyType(dict(aliases))} if aliases else dict(members)
    )
    return ServerMetadata(issuer, MappingProxyType(frozen))


def _require_endpoint(issuer: str, name: str, value: object) -> None:
    if not isinstance(value, str):
        raise MalformedMessage(f"{name} is not a string", clause="RFC 8414 2", facts={"member": name})
    require_secure(value, f"{name} of the metadata")
    if "#" in value:  # parameters would end up behind it, and stay in the browser
        raise MalformedMessage(f"{name} has a fragment", clause="RFC 6749 3.1", facts={"member": name})
    require_no_downgrade(issuer, value, f"{name} of the metadata")
