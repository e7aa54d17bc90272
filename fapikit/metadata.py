"""Authorization server metadata: fetched from its well-known URL, and trusted only if the issuer matches.

For a bank that publishes none, give them: `ServerMetadata(issuer, {"token_endpoint": ...})`. One broken member does not
make the document useless. A member that cannot be read is left out. An endpoint that cannot be called raises an error
when it is used.

Spec: RFC 8414 2, 3, 3.2, 3.3; OIDC Discovery 4; FAPI2-SP 5.3.3.1-9, -10, -11; FAPI1-BL 5.2.3-11; RFC 8705 5; IDA 8
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
    ResponseTooLarge,
    UnexpectedRedirect,
    UnexpectedStatus,
)
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, raise_error_in_body, read_json_object
from fapikit.members import Members
from fapikit.urls import has_origin, origin_of, require_no_downgrade, require_secure, without_query

WellKnown: TypeAlias = Literal["oauth-authorization-server", "openid-configuration", "ssf-configuration"]

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
    "grant_management_endpoint",
    "jwks_uri",
)
_ALIASES: Final = "mtls_endpoint_aliases"
_LISTS: Final = tuple(
    f"{what}_supported"
    for what in (
        *("scopes", "claims", "_types", "_modes", "_methods", "_values", "_locales"),
        *("trust_frameworks", "evidence", "documents", "electronic_records"),  # IDA 8
    )
)
"""The ends of the names of members that are lists of strings."""
_FLAGS: Final = ("require_", "tls_client_certificate_bound_access_tokens")
"""The beginnings of the names of flags that do not end in `_supported`."""


def well_known_url(issuer: str, kind: WellKnown) -> str:
    """The URL of the metadata. The well-known part goes between host and path (RFC 8414) or to the end (OIDC)."""
    if kind == "openid-configuration":
        return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer)
    path = parts.path.removesuffix("/")
    return f"{parts.scheme}://{parts.netloc}/.well-known/{kind}{path}"


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """The metadata that a server publishes, or that you take from its documentation. `raw` is read-only.

    The members are those of RFC 8414 2: `ServerMetadata(issuer, {"token_endpoint": ..., ...})`.
    Raises ConfigurationError, InsecureUrl for an issuer that is not valid.
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
        """The URL of an endpoint; with `mtls` its `mtls_endpoint_aliases` member, if there is one.

        Raises MissingMetadata; InsecureUrl, MalformedMessage for a URL that is listed but cannot be called.
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
        """Whether the server lists this member, usable or not: a broken one must not lead to another behaviour."""
        return name in self.raw or name in self._unusable

    def strings(self, name: str) -> tuple[str, ...] | None:
        """A list member, or None if it is absent or not a list of strings."""
        value = self.raw.get(name)
        return (
            tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
        )

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A flag. `default`: its value if the metadata leave it out.

        Raises MalformedMessage for a value that is neither true nor false, because a decision depends on it.
        """
        value = self.raw.get(name, default)
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
    """Fetch the metadata: from the well-known URLs, one after another, or from `url` if they are published there.

    If a URL has no metadata (4xx, 5xx, a redirect, a page), the next one is tried.

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
        except (
            UnexpectedStatus,
            UnexpectedRedirect,
            PeerRefused,
            MalformedMessage,
            ResponseTooLarge,
        ) as error:
            failures.append(error)
        else:
            return read_metadata(issuer, members, asked_at=address)
    raise _no_metadata(issuer, failures)


def _fetch(address: str) -> Flow[Mapping[str, Any]]:
    response = yield from http(HttpRequest("GET", address, (("accept", "application/json"),)))
    members = read_json_object(response, clause="RFC 8414 3.2")
    if not members.get("issuer"):  # a catch-all that answers everything with 200 and JSON
        raise_error_in_body(response, clause="RFC 8414 3.2")
        raise MalformedMessage(
            f"the JSON of {address} has no issuer",
            clause="RFC 8414 3.2",
            facts={"member": "issuer"},
        )
    return members


def _no_metadata(issuer: str, failures: list[FapiError]) -> FapiError:
    """The error if none of the URLs has metadata."""
    reasons = "; ".join(error.message for error in failures)  # each names its URL
    clause = "RFC 8414 3.2"
    later = next((error for error in failures if error.remedy is Remedy.RETRY_LATER), None)
    if later is not None:  # a later try may find metadata
        return UnexpectedStatus(
            f"the metadata cannot be fetched now: {reasons}", clause=clause, remedy=Remedy.RETRY_LATER
        )
    last = failures[-1]
    if all(isinstance(error, MalformedMessage) for error in failures):
        return MalformedMessage(
            f"the metadata of {issuer!a} cannot be read: {reasons}", clause=clause, facts=last.facts
        )
    return UnexpectedStatus(
        f"no metadata are found: {reasons}: check that {issuer!a} is the issuer of the server, letter by letter. If"
        " the server publishes none, use metadata=ServerMetadata(...). If it publishes them at another URL, use"
        " metadata_url=",
        clause=clause,
        remedy=Remedy.FIX_CONFIGURATION,
        facts=last.facts,
    )


def read_metadata(issuer: str, members: Mapping[str, Any], *, asked_at: str = "...") -> ServerMetadata:
    """Check that a metadata document names this issuer. Raises IssuerMismatch."""
    named = members.get("issuer")
    if named != issuer:
        got = str(named)[:200]
        # A wrong slash or tenant is our mistake. Metadata of another host are an attack, or a mistake of the server.
        ours = isinstance(named, str) and has_origin(named, origin_of(issuer))
        if ours:
            advice = f"if you want that server, configure its issuer letter by letter: issuer={got!a}"
        else:
            advice = f"if you know that this server publishes them there: issuer={got!a} with metadata_url={asked_at!a}"
        raise IssuerMismatch(
            f"the metadata of {issuer!a} name another issuer, {got!a}; they are not used ({advice})",
            remedy=Remedy.FIX_CONFIGURATION if ours else None,
            facts={"expected": issuer, "got": got},
        )
    return ServerMetadata(issuer, members)


def refuse_well_known(issuer: str) -> None:
    """Raises ConfigurationError for the URL of a metadata document, which is easily taken for the issuer."""
    if "/.well-known/" in issuer:
        host, _, rest = without_query(issuer).partition("/.well-known/")
        path = "".join(rest.partition("/")[1:])  # RFC 8414 puts it behind, OpenID Connect before
        raise ConfigurationError(
            f"{without_query(issuer)!a} is where metadata are published, and no issuer: give the issuer that they name,"
            f" probably {host + path!a}",
            clause="RFC 8414 3",
        )


def _require_issuer(issuer: str) -> None:
    require_secure(issuer, "the issuer")
    refuse_well_known(issuer)
    if "?" in issuer or "#" in issuer:
        raise ConfigurationError(
            "the issuer has a query or a fragment: give the issuer exactly as the metadata name it",
            clause="RFC 8414 2",
        )


def _read_members(issuer: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, FapiError]]:
    """The members with the JSON types of RFC 8414, and the endpoints that cannot be called, each with its error."""
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
            if value == []:  # RFC 8414 3.2: it is to be omitted
                members.leave_out(name, "it is an empty list")
                strings = None
            found = None if strings is None else list(strings)
        elif isinstance(value, str) and (name.startswith(_FLAGS) or name.endswith("_supported")):
            found = value if value.lower() not in ("true", "false") else members.flag(name)
        if found is not None and name != "issuer":
            read[name] = found
    return read, unusable


def _callable(
    issuer: str, members: Members, name: str, value: object, unusable: dict[str, FapiError]
) -> str | None:
    """The URL if it may be called. Otherwise None, and the error goes to `unusable`."""
    try:
        if not isinstance(value, str):
            raise members.refuse(name, "is not a string")
        require_secure(value, f"{name} of the metadata")
        if "#" in value:  # added parameters would be part of the fragment, and would not reach the server
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
