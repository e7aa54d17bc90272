"""The clients of this server: of the configuration, then self-registered ones, which the store keeps, then those that
say by the URL of a document who they are.

Spec: RFC 7591 2, 5; RFC 7592 2.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cachetools import LRUCache

from askit.clients.client import STATEMENT_ISSUER, Client
from askit.clients.keys import require_public, uris_to_connect_to
from askit.clients.metadata_documents import MetadataDocuments, Run
from askit.clients.registration_policy import RegistrationPolicy
from askit.clients.sector_identifier import check_own_sector
from askit.config.client_metadata_documents import ClientMetadataDocuments
from askit.errors import (
    InvalidClientMetadata,
    InvalidRedirectUri,
    InvalidSoftwareStatement,
    UnapprovedSoftwareStatement,
)
from askit.log_budget import BudgetedLogger
from askit.record_fields import reading
from fapikit import strict_json
from fapikit.jose.key_set import KeySource
from fapikit.profiles import Profile

if TYPE_CHECKING:
    from askit.record_store import Records
    from fapikit.clock import Clock

_SOURCES: Final = 256
"""For so many clients the keys behind a `jwks_uri` are kept in memory. The keys of other clients are fetched again."""


class Clients:
    """The clients of the configuration, and the self-registered ones from the store."""

    def __init__(
        self,
        configured: tuple[Client, ...],
        records: Records,
        *,
        profile: Profile,
        policy: RegistrationPolicy,
        clock: Clock,
        statement_issuers: Collection[str],
        pairwise: bool,
        documents: ClientMetadataDocuments | None,
        waiting_per_host: int,
        run: Run,
        public_only: bool,
        log: BudgetedLogger,
    ) -> None:
        """`policy`: the limits for self-registered clients. It also applies to those that registered earlier.

        `statement_issuers`: the directories whose software statements count. `pairwise`: this server has such subjects.
        `documents`: whose metadata documents are fetched. `run`: runs a flow.
        `public_only`: connects only to public addresses for such a client.
        """
        self._configured = {client.client_id: client for client in configured}
        self._statement_issuers = frozenset(statement_issuers)
        self._pairwise = pairwise
        self._public_only = public_only
        self._records = records
        self._profile = profile
        self._policy = policy
        self._clock = clock
        self._log = log
        self._documents = MetadataDocuments(
            documents, read=self._read_document, run=run, clock=clock, waiting_per_host=waiting_per_host
        )
        self._sources: LRUCache[str, tuple[str, KeySource]] = LRUCache(_SOURCES)

    @property
    def configured(self) -> Collection[Client]:
        return self._configured.values()

    async def find(self, client_id: str, *, current: bool = False) -> Client | None:
        """`current`: if its metadata are a document of its own, this must be fresh.

        Raises StoreError; UnusableMetadataDocument, TransportError for such a document.
        """
        return await self._registered(client_id) or await self._documents.find(client_id, current=current)

    async def name_of(self, client_id: str) -> str:
        """Its name, as far as it is known here. Nothing is fetched for it. Raises StoreError."""
        found = await self.at_hand(client_id)
        return client_id if found is None else found.name

    async def at_hand(self, client_id: str) -> Client | None:
        """The client, as far as it is known here. Nothing is fetched for it. Raises StoreError."""
        return await self._registered(client_id) or self._documents.at_hand(client_id)

    async def _registered(self, client_id: str) -> Client | None:
        """One of the configuration or of the store. Raises StoreError."""
        known = self._configured.get(client_id)
        if known is not None:
            return known
        kept = await self.kept(client_id)
        if kept is None:
            return None
        try:
            return self.read(kept[1])  # the policy may have changed since the registration
        except (InvalidClientMetadata, InvalidRedirectUri) as error:
            self._log.warning("a self-registered client is no longer served: %s", error)
            return None

    async def kept(self, client_id: str) -> tuple[bytes, dict[str, Any]] | None:
        """The stored record of a self-registered client, and its metadata. Raises StoreError."""
        octets = await self._records.read("client", client_id)
        if octets is None:
            return None
        with reading("client"):
            metadata = strict_json.parse_object(octets)
            if metadata["client_id"] != client_id:
                raise ValueError("another client's")
        return octets, metadata

    def read(self, metadata: Mapping[str, Any]) -> Client:
        """Read a self-registered client within the policy. Raises InvalidClientMetadata, InvalidRedirectUri."""
        self._require_directory(metadata)
        client = replace(Client.read(self._policy.bound(metadata)), self_registered=True)
        self._policy.require(metadata)
        client.check(self._profile)
        if client.pairwise and not self._pairwise:
            raise InvalidClientMetadata(
                "this server has public subjects only: leave subject_type out", clause="OIDC Registration 2"
            )
        check_own_sector(client.metadata)
        for name, uri in uris_to_connect_to(metadata) if self._public_only else ():
            require_public(uri, name)
        return client

    def _read_document(self, metadata: Mapping[str, Any]) -> Client:
        """Raises InvalidClientMetadata, InvalidRedirectUri; also if the policy leaves nothing of a list."""
        bounded = self._policy.bound(metadata)
        self._policy.require_something_left(metadata, bounded)
        return self.read(bounded)

    def _require_directory(self, metadata: Mapping[str, Any]) -> None:
        """Raise UnapprovedSoftwareStatement if the directory that vouched for this client is no longer trusted.

        Raise InvalidSoftwareStatement for a client without a statement that counts, if the policy requires one.
        """
        directory = metadata.get(STATEMENT_ISSUER)
        if directory is None and self._policy.software_statement_required:
            raise InvalidSoftwareStatement(
                "software_statement is missing: self-registered clients need one of a directory that is trusted here",
                clause="RFC 7591 2.3",
            )
        if directory is not None and directory not in self._statement_issuers:
            raise UnapprovedSoftwareStatement(
                "the issuer of this client's software_statement is no longer trusted here",
                facts={"iss": str(directory)[:200]},
            )

    def forget(self, client_id: str) -> None:
        """Forget its cached keys."""
        self._sources.pop(client_id, None)

    def keys_of(self, client: Client) -> KeySource:
        """The key source of a client. It is kept, so a jwks_uri is not fetched for each request."""
        uri = client.metadata.get("jwks_uri")
        if uri is None:
            return client.key_source(self._clock)
        held = self._sources.get(client.client_id)
        if held is None or held[0] != uri:
            held = self._sources[client.client_id] = (uri, client.key_source(self._clock))
        return held[1]
