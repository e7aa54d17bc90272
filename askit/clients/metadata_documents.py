"""Clients whose client_id is the URL of their metadata: the document is fetched, checked and cached, never stored.

A document that cannot be fetched or read is not cached. Whoever begins or redeems something needs a document that is
still fresh. A token that was issued before stays what it is while the client's server does not answer: for it the last
document counts. `askit.clients.keys` says which addresses this server connects to. No redirect is followed.

Spec: CIMD 3, 4, 4.1, 4.3, 4.4, 4.5, 6.2, 6.4, 6.6; RFC 9111 5.2.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from cachetools import LRUCache

from askit.clients.client import REGISTERED_FROM, STATEMENT_ISSUER, Client
from askit.clients.few_at_once import FewAtOnce
from askit.clients.registration_request import read_registration_request
from askit.clients.sector_identifier import require_listed
from askit.config.client_metadata_documents import ClientMetadataDocuments
from askit.errors import InvalidClientMetadata, InvalidRedirectUri, UnusableMetadataDocument
from fapikit.client_id_metadata import MAX_OCTETS, auth_method_of, fault_of_document, fault_of_url
from fapikit.clock import Clock
from fapikit.errors import ResponseTooLarge, UnexpectedRedirect, UnusableAnswer
from fapikit.flow import Flow, http, shared
from fapikit.freshness import fresh_for
from fapikit.http_message import HttpRequest, HttpResponse

FETCH_TIMEOUT: Final = 5.0
_DEADLINE: Final = 10.0
KEPT_AT_LEAST: Final = 60.0
"""Seconds, whatever Cache-Control says: one login looks at the document several times."""
KEPT_AT_MOST: Final = 3600.0
KEPT_BY_DEFAULT: Final = 300.0
_KEPT: Final = 1000
_NOT_THEIRS: Final = frozenset({REGISTERED_FROM, STATEMENT_ISSUER, "software_statement"})
_DEFAULTS: Final = {"grant_types": ["authorization_code"], "response_types": ["code"]}

Read: TypeAlias = Callable[[Mapping[str, Any]], Client]
Run: TypeAlias = Callable[[Flow[Client]], Awaitable[Client]]


@dataclass(frozen=True, slots=True)
class _Kept:
    client: Client
    until: float


class MetadataDocuments:
    """`allowed`: whose documents are fetched; None: nobody's. `read`: makes a client of metadata within the policy."""

    def __init__(
        self,
        allowed: ClientMetadataDocuments | None,
        *,
        read: Read,
        run: Run,
        clock: Clock,
        waiting_per_host: int,
    ) -> None:
        self._allowed = allowed
        self._read = read
        self._run = run
        self._clock = clock
        self._waiting = FewAtOnce(waiting_per_host, "the metadata documents")
        self._kept: LRUCache[str, _Kept] = LRUCache(_KEPT)

    def at_hand(self, client_id: str) -> Client | None:
        """The client of the last document that was fetched, if it is remembered."""
        kept = self._kept.get(client_id)
        return None if kept is None else kept.client

    async def find(self, client_id: str, *, current: bool) -> Client | None:
        """The client of the document at this URL; None if this is no such URL. `current`: the document must be fresh.

        Raises UnusableMetadataDocument; TransportError if the document cannot be fetched now.
        """
        if self._allowed is None or not client_id.startswith("https://"):
            return None
        fault = fault_of_url(client_id)
        if fault is not None:
            raise UnusableMetadataDocument(f"a client_id that is a URL {fault}", clause="CIMD 3")
        if not self._allowed.allows(client_id):
            raise UnusableMetadataDocument(
                "this server fetches no client metadata from this host", clause="CIMD 6.4"
            )
        kept = self._kept.get(client_id)
        if kept is not None and (not current or self._clock() < kept.until):
            return kept.client
        once = shared(
            ("client metadata", id(self), client_id), lambda: self._fetch(client_id), deadline=_DEADLINE
        )
        return await self._run(self._waiting.wait(_host_of(client_id), once))

    def _fetch(self, url: str) -> Flow[Client]:
        asked_at = self._clock()
        request = HttpRequest(
            "GET", url, (("accept", "application/json"),), timeout=FETCH_TIMEOUT, max_bytes=MAX_OCTETS
        )
        try:
            response = yield from http(request)
        except (ResponseTooLarge, UnexpectedRedirect) as error:
            raise UnusableMetadataDocument(f"the URL gives no client metadata: {error.message}") from error
        _require_document(response)
        client = self._client_of(response, url)
        with _unusable_if_refused():
            yield from require_listed(client.metadata)
        fresh = fresh_for(response, least=KEPT_AT_LEAST, most=KEPT_AT_MOST, default=KEPT_BY_DEFAULT)
        self._kept[url] = _Kept(client, asked_at + fresh)
        return client

    def _client_of(self, response: HttpResponse, url: str) -> Client:
        """Raises UnusableMetadataDocument."""
        host = urlsplit(url).netloc
        with _unusable_if_refused():
            said = read_registration_request(response.body, response.header("content-type"))
            fault = fault_of_document(said, url)
            if fault is not None:
                raise UnusableMetadataDocument(f"the client's metadata document {fault}", clause="CIMD 4.1")
            metadata = {**_DEFAULTS, **{name: said[name] for name in said.keys() - _NOT_THEIRS}}
            metadata["token_endpoint_auth_method"] = auth_method_of(said)
            metadata[REGISTERED_FROM] = f"documents of {host}"
            return replace(self._read(metadata), document_host=host)


def _host_of(url: str) -> str:
    """The name of the host, in its one spelling: with another port, or in other letters, it is the same host."""
    return (urlsplit(url).hostname or "").removesuffix(".")


@contextmanager
def _unusable_if_refused() -> Iterator[None]:
    """Raises UnusableMetadataDocument for what a registration would be refused for."""
    try:
        yield
    except (InvalidClientMetadata, InvalidRedirectUri) as error:
        raise UnusableMetadataDocument(
            f"the client's metadata document cannot be used: {error.message}", clause=error.clause
        ) from error


def _require_document(response: HttpResponse) -> None:
    """Raise UnusableAnswer if the client's server cannot answer now, UnusableMetadataDocument for another failure."""
    if response.status == 200:
        return
    facts = {"status": response.status}
    if response.status == 429 or response.status >= 500:
        raise UnusableAnswer("the server of the client_id cannot answer now", clause="CIMD 4.3", facts=facts)
    raise UnusableMetadataDocument(
        f"the URL that is the client_id answers with {response.status} instead of 200", facts=facts
    )
