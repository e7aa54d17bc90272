"""Authorization server metadata: fetched from its well-known document, believed only if the issuer matches.

A bank that publishes none is described by hand: `ServerMetadata(issuer, {"token_endpoint": ...})`. What a document says
oddly in one member spoils the others no more than it must: a member that cannot be read is left out, and an endpoint
that cannot be called is refused when it is asked for.

Spec: RFC 8414 2, 3, 3.2, 3.3; OIDC Discovery 4; FAPI2-SP 5.3.3.1-9, -10, -11; FAPI1-BL 5.2.3-11; RFC 8705 5
Role: C, RS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from fapikit.errors import (
    ConfigurationError,
    FapiError,
    InsecureUrl,
    IssuerMismatch,
    MalformedMessage,
    MissingMetadata,
    PeerRefused,
    Remedy,
    UnexpectedRedirect,
    UnexpectedStatus,
)
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, read_json_object
from fapikit.members import Members
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
_ALIASES: Final = "mtls_endpoint_aliases"
_LISTS: Final = tuple(
    f"{what}_supported"
    for what in ("scopes", "claims", "_types", "_modes", "_methods", "_values", "_locales")
)
"""How members are called that are lists of strings."""
_FLAGS: Final = ("require_", "tls_client_certificate_bound_access_tokens")
"""How flags are called whose name does not end in `_supported`."""


def well_known_url(issuer: str, kind: WellKnown) -> str:
    """RFC 8414 puts the well-known part between host and path, OIDC Discovery after the issuer; one slash each."""
    if kind == "openid-configuration":
        return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer)
    path = parts.path.removesuffix("/")
    return f"{parts.scheme}://{parts.netloc}/.well-known/{kind}{path}"


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What a server says of itself, or what its documentation says of it. `raw` is read-only, and as it was read.

    Made by hand, it takes the members of RFC 8414 2: `ServerMetadata(issuer, {"token_endpoint": ..., ...})`.
    Raises ConfigurationError, InsecureUrl for an issuer that cannot be one.
    """

    issuer: str
    raw: Mapping[str, Any]
    _unusable: Mapping[str, FapiError] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_issuer(self.issuer)
        read, unusable = _read_members(self.issuer, self.raw)
        object.__setattr__(self, "raw", MappingProxyType(read))
        object.__setattr__(self, "_unusable", MappingProxyType(unusable))

    def endpoint(self, name: str, *, mtls: bool = False) -> str:
        """An endpoint's URL; with `mtls` its alias where one is listed.

        Raises MissingMetadata; InsecureUrl, MalformedMessage for one that is listed and cannot be called.
        """
        if mtls:
            self._require_usable(_ALIASES)
            self._require_usable(f"{_ALIASES}.{name}")
            alias = self.mtls_endpoint_aliases.get(name)
            if alias is not None:
                return alias
        self._require_usable(name)
        url = self.raw.get(name)
        if not isinstance(url, str):
            raise MissingMetadata(
                f"{self.issuer} lists no {name}", clause="RFC 8414 2", facts={"member": name}
            )
        return url

    def has(self, name: str) -> bool:
        """Whether the server lists this, usable or not: nobody is to take another way because one is spelt badly."""
        return name in self.raw or name in self._unusable

    def strings(self, name: str) -> tuple[str, ...] | None:
        """A list member, or None if it is absent or no list of strings."""
        value = self.raw.get(name)
        return (
            tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
        )

    def flag(self, name: str, *, unsaid: bool = False) -> bool:
        """`unsaid`: what it means where the document leaves it out.

        Raises MalformedMessage for a member that is there and neither true nor false: a decision hangs on it.
        """
        value = self.raw.get(name, unsaid)
        if isinstance(value, bool):
            return value
        raise MalformedMessage(
            f"{name} of {self.issuer} is neither true nor false", clause="RFC 8414 2", facts={"member": name}
        )

    @property
    def mtls_endpoint_aliases(self) -> Mapping[str, str]:
        aliases: Mapping[str, str] = self.raw.get(_ALIASES) or MappingProxyType({})
        return aliases

    def _require_usable(self, name: str) -> None:
        error = self._unusable.get(name)
        if error is not None:
            raise type(error)(error.message, clause=error.clause, facts=error.facts)


def discover(
    issuer: str,
    *,
    kinds: tuple[WellKnown, ...] = ("oauth-authorization-server", "openid-configuration"),
    url: str | None = None,
) -> Flow[ServerMetadata]:
    """Fetch the metadata: from its well-known addresses one after another, or from `url` where it lies elsewhere.

    An address at which there is no metadata (4xx, 5xx, a redirect, a page) leads to the next.

    Raises ConfigurationError, IssuerMismatch, MalformedMessage, UnexpectedStatus, UnexpectedRedirect, InsecureUrl,
    TransportError.
    """
    _require_issuer(issuer)
    addresses = [well_known_url(issuer, kind) for kind in kinds] if url is None else [url]
    if url is not None:
        require_secure(url, "metadata_url")
        require_no_downgrade(issuer, url, "metadata_url")
    failures: list[FapiError] = []
    for address in addresses:
        try:
            members = yield from _fetch(address)
        except (UnexpectedStatus, UnexpectedRedirect, PeerRefused, MalformedMessage) as error:
            failures.append(error)
        else:
            return read_metadata(issuer, members, asked_at=address)
    raise _no_metadata(issuer, failures)


def _fetch(address: str) -> Flow[Mapping[str, Any]]:
    response = yield from http(HttpRequest("GET", address, (("accept", "application/json"),)))
    members = read_json_object(response, clause="RFC 8414 3.2")
    if not members.get("issuer"):  # a catch-all that answers everything with 200 and JSON
        raise MalformedMessage(
            f"{address} answered with JSON that names no issuer",
            clause="RFC 8414 3.2",
            facts={"member": "issuer"},
        )
    return members


def _no_metadata(issuer: str, failures: list[FapiError]) -> FapiError:
    """The error for what was found at every address in place of metadata."""
    told = "; ".join(error.message for error in failures)  # each names its address
    clause = "RFC 8414 3.2"
    later = next((error for error in failures if error.remedy is Remedy.RETRY_LATER), None)
    if later is not None:  # what will be there then is not known
        return UnexpectedStatus(
            f"no metadata can be had now: {told}", clause=clause, remedy=Remedy.RETRY_LATER
        )
    last = failures[-1]
    if all(isinstance(error, MalformedMessage) for error in failures):
        return MalformedMessage(
            f"no metadata of {issuer!a} can be read: {told}", clause=clause, facts=last.facts
        )
    return UnexpectedStatus(
        f"no metadata is found: {told}: is {issuer!a} the server's issuer, letter by letter?"
        " (a server that has none: metadata=ServerMetadata(...); one that has them elsewhere: metadata_url=)",
        clause=clause,
        remedy=Remedy.FIX_CONFIGURATION,
        facts=last.facts,
    )


def read_metadata(issuer: str, members: Mapping[str, Any], *, asked_at: str = "...") -> ServerMetadata:
    """Check that a metadata document is the issuer's own. Raises IssuerMismatch."""
    named = members.get("issuer")
    if named != issuer:
        got = str(named)[:200]
        # A slash or a tenant mistyped is ours to mend; another host's metadata is an attack, or the server's mistake.
        ours = isinstance(named, str) and has_origin(named, origin_of(issuer))
        if ours:
            settle = f"if that is the server you mean, configure its issuer letter by letter: issuer={got!a}"
        else:
            settle = (
                f"if you know that it keeps its metadata there: issuer={got!a} with metadata_url={asked_at!a}"
            )
        raise IssuerMismatch(
            f"the metadata names another issuer, {got!a}, than {issuer!a} of which it was asked; nothing in it is used"
            f" ({settle})",
            remedy=Remedy.FIX_CONFIGURATION if ours else None,
            facts={"expected": issuer, "got": got},
        )
    return ServerMetadata(issuer, members)


def _require_issuer(issuer: str) -> None:
    require_secure(issuer, "the issuer")
    if "?" in issuer or "#" in issuer:
        raise ConfigurationError("an issuer has neither query nor fragment", clause="RFC 8414 2")


def _read_members(issuer: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, FapiError]]:
    """The members in the form that RFC 8414 has them, and the endpoints that cannot be called, each with the reason."""
    members = Members(raw, document=f"the metadata of {issuer}", clause="RFC 8414 2")
    read: dict[str, Any] = {"issuer": issuer}
    unusable: dict[str, FapiError] = {}
    for name, value in members.present.items():
        found: Any = value
        if name in ENDPOINTS:
            found = _callable(issuer, members, name, value, unusable)
        elif name == _ALIASES:
            found = _aliases(issuer, members, value, unusable)
        elif name.endswith(_LISTS):
            strings = members.strings(name)
            found = None if strings is None else list(strings)
        elif isinstance(value, str) and (name.startswith(_FLAGS) or name.endswith("_supported")):
            found = value if value.lower() not in ("true", "false") else members.flag(name)
        if found is not None and name != "issuer":
            read[name] = found
    return read, unusable


def _callable(
    issuer: str, members: Members, name: str, value: object, unusable: dict[str, FapiError]
) -> str | None:
    """The URL if it may be called, or None, with the reason among the `unusable`."""
    try:
        if not isinstance(value, str):
            raise members.refuse(name, "is not text")
        require_secure(value, f"{name} of the metadata")
        if "#" in value:  # parameters would end up behind it, and stay in the browser
            raise members.refuse(name, "has a fragment", clause="RFC 6749 3.1")
        require_no_downgrade(issuer, value, f"{name} of the metadata")
    except (MalformedMessage, InsecureUrl) as error:
        unusable[name] = error
        members.leave_out(name, error.message)
        return None
    return value


def _aliases(
    issuer: str, members: Members, value: object, unusable: dict[str, FapiError]
) -> Mapping[str, str] | None:
    if not isinstance(value, dict):
        unusable[_ALIASES] = members.refuse(_ALIASES, "is not an object", clause="RFC 8705 5")
        members.leave_out(_ALIASES, "it is not an object")
        return None
    read = {
        name: _callable(issuer, members, f"{_ALIASES}.{name}", url, unusable)
        for name, url in value.items()
        if url is not None and url != ""
    }
    return MappingProxyType({name: url for name, url in read.items() if url is not None})
