"""Whose events are believed, and what a transmitter publishes about itself.

The events of one transmitter have one issuer, which is that of its metadata and of the URL that these come from.
Nothing is used of metadata that name another one.

Spec: SSF 3.6, 4.1.4, 4.1.6, 7.1, 7.2, 7.2.4
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit.clock import Clock
from fapikit.errors import ConfigurationError, InsecureUrl, IssuerMismatch, MissingMetadata
from fapikit.flow import Flow, http
from fapikit.http_message import HttpRequest, read_json_object
from fapikit.jose.algorithms import ASYMMETRIC
from fapikit.jose.key_set import KeySet
from fapikit.jwks import RemoteKeySet
from fapikit.metadata import well_known_url
from fapikit.profiles import FAPI2_SECURITY
from fapikit.secrets import Secret
from fapikit.setting_types import check_text_settings
from fapikit.signals.event_budget import USUAL, EventBudget
from fapikit.urls import is_secure, require_no_downgrade

WELL_KNOWN: Final = "ssf-configuration"
METADATA_LIFETIME: Final = 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmitter:
    """A transmitter that is believed.

    `issuer`: the `iss` of its events. `audience`: our name in their `aud`, which the transmitter has given our stream.
    `keys` or `jwks_uri`: with what they are verified; left out, its metadata say where its keys are. `algorithms`:
    those of its signatures; by default those of FAPI 2.0. A transmitter that follows the CAEP interoperability profile
    needs `{"RS256"}`. `push_authorization`: the whole Authorization header of each push, as the stream was made with.
    `stream_id`: the stream whose verification events are expected; None: of any. `budget`: how much it may send in a
    minute.
    """

    issuer: str
    audience: str
    keys: KeySet | None = None
    jwks_uri: str | None = None
    algorithms: Collection[str] | None = None
    push_authorization: Secret | None = None
    stream_id: str | None = None
    budget: EventBudget = USUAL

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if not is_secure(self.issuer) or (self.jwks_uri is not None and not is_secure(self.jwks_uri)):
            raise ConfigurationError(
                "issuer and jwks_uri of a Transmitter must be https URLs (http on loopback only)",
                clause="SSF 7.1",
                facts={"issuer": self.issuer},
            )
        if not self.audience:
            raise ConfigurationError(
                "audience of a Transmitter is the aud of our stream there: without it the events of other receivers"
                " would pass",
                clause="SSF 8.1.1",
            )
        if self.push_authorization is not None and not isinstance(self.push_authorization, Secret):
            raise ConfigurationError("push_authorization must be a fapikit.Secret", clause="SSF 6.1")
        for alg in self.algorithms or ():
            if alg not in ASYMMETRIC:
                raise ConfigurationError(
                    f"algorithms of a Transmitter has {alg!r}, which is no signature with a public key",
                    clause="RFC 8725 3.1",
                )

    @property
    def accepted_algorithms(self) -> Collection[str]:
        return FAPI2_SECURITY.signing_algorithms if self.algorithms is None else self.algorithms


@dataclass(frozen=True, slots=True)
class TransmitterMetadata:
    """What a transmitter publishes at `/.well-known/ssf-configuration`."""

    issuer: str
    raw: Mapping[str, Any] = field(repr=False)

    def endpoint(self, name: str) -> str:
        """A URL among its members. Raises MissingMetadata, InsecureUrl."""
        url = self.raw.get(name)
        if not isinstance(url, str):
            raise MissingMetadata(
                f"the transmitter {self.issuer} lists no {name}", clause="SSF 7.1", facts={"member": name}
            )
        if not is_secure(url):
            raise InsecureUrl(f"{name} of the transmitter {self.issuer} must be https")
        require_no_downgrade(self.issuer, url, name)
        return url

    @property
    def critical_subject_members(self) -> frozenset[str]:
        """The parts of a subject without which its event must not be used."""
        listed = self.raw.get("critical_subject_members")
        return frozenset(filter(_is_text, listed)) if isinstance(listed, list) else frozenset()


def fetch_transmitter_metadata(issuer: str) -> Flow[TransmitterMetadata]:
    """Raises IssuerMismatch for metadata of another transmitter; MessageError, TransportError."""
    url = well_known_url(issuer, WELL_KNOWN)
    response = yield from http(HttpRequest("GET", url, (("accept", "application/json"),)))
    members = read_json_object(response, clause="SSF 7.2")
    if members.get("issuer") != issuer:
        raise IssuerMismatch(
            "the metadata of the transmitter name another issuer: nothing in them is used",
            clause="SSF 7.2.4",
            facts={"expected": issuer, "got": str(members.get("issuer"))[:200]},
        )
    return TransmitterMetadata(issuer, members)


class KnownTransmitter:
    """A transmitter, with what this process has fetched of it."""

    def __init__(self, config: Transmitter, clock: Clock) -> None:
        self.config = config
        self._clock = clock
        self._metadata: TransmitterMetadata | None = None
        self._until = float("-inf")
        self._remote = None if config.jwks_uri is None else RemoteKeySet(config.jwks_uri, clock=clock)

    def key_source(self) -> Flow[KeySet | RemoteKeySet]:
        """Raises MetadataError, MessageError, TransportError if it cannot be found out now."""
        if self.config.keys is not None:
            return self.config.keys
        if self.config.jwks_uri is None:
            uri = (yield from self.metadata()).endpoint("jwks_uri")
            if self._remote is None or self._remote.uri != uri:
                self._remote = RemoteKeySet(uri, clock=self._clock)
        assert self._remote is not None  # noqa: S101 - made above or at construction
        return self._remote

    def metadata(self) -> Flow[TransmitterMetadata]:
        """Its metadata, at most an hour old."""
        now = self._clock()
        if self._metadata is None or now >= self._until:
            self._metadata = yield from fetch_transmitter_metadata(self.config.issuer)
            self._until = now + METADATA_LIFETIME
        return self._metadata

    @property
    def critical_subject_members(self) -> frozenset[str]:
        return frozenset() if self._metadata is None else self._metadata.critical_subject_members


def _is_text(value: object) -> bool:
    return isinstance(value, str)
