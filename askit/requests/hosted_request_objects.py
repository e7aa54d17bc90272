"""Request objects that clients host: fetched from a URI that the client registered, and cached as its server allows.

A fragment of the URI is the hash of its content. If the cached content has another hash, it has been replaced and is
fetched again. `askit.clients.keys` says which addresses this server connects to. No redirect is followed.

Spec: RFC 9101 5.2, 10.4; OIDC 6.2; RFC 9111 5.2.2
Role: AS
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from askit.errors import UnusableRequestUri
from fapikit import base64url
from fapikit.clock import Clock
from fapikit.errors import ResponseTooLarge, UnexpectedRedirect, UnusableAnswer
from fapikit.flow import Flow, http
from fapikit.freshness import fresh_for
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.purposes import REQUEST_OBJECT

FETCH_TIMEOUT: Final = 5.0
KEPT_AT_MOST: Final = 600.0
"""Seconds, whatever Cache-Control says."""
_KEPT_OCTETS: Final = 4 * 1024 * 1024
_OCTETS_AROUND: Final = 1024
_ACCEPTED: Final = "application/oauth-authz-req+jwt, application/jwt"


@dataclass(frozen=True, slots=True)
class _Kept:
    content: bytes = field(repr=False)  # may be a payment
    fetched_at: float
    fresh_for: float

    @property
    def octets(self) -> int:
        """Of its URI and the like too, or as many empty ones as anybody registered would be kept."""
        return len(self.content) + _OCTETS_AROUND


class HostedRequestObjects:
    """The request objects of all clients, in one cache of limited size. What it forgets is fetched again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: LRUCache[str, _Kept] = LRUCache(_KEPT_OCTETS, getsizeof=lambda kept: kept.octets)

    def load(self, uri: str) -> Flow[str]:
        """The content of a URI that the client registered. Raises UnusableRequestUri, TransportError."""
        url, _, wanted = uri.partition("#")
        content = self._at_hand(url)
        if content is None or not _has_hash(content, wanted):
            content = yield from self._fetch(url)
        if not _has_hash(content, wanted):
            raise UnusableRequestUri(
                "the content of the request_uri has another SHA-256 than its fragment says",
                clause="OIDC 6.2",
            )
        # Other content than a JWT is refused later, as a request object.
        return content.decode("ascii", "replace").strip()

    def _at_hand(self, url: str) -> bytes | None:
        kept = self._kept.get(url)
        if kept is None or not 0 <= self._clock() - kept.fetched_at < kept.fresh_for:
            return None
        return kept.content

    def _fetch(self, url: str) -> Flow[bytes]:
        asked_at = self._clock()
        request = HttpRequest(
            "GET", url, (("accept", _ACCEPTED),), timeout=FETCH_TIMEOUT, max_bytes=REQUEST_OBJECT.max_octets
        )
        try:
            response = yield from http(request)
        except (ResponseTooLarge, UnexpectedRedirect) as error:
            raise UnusableRequestUri(
                f"the request_uri gives no request object: {error.message}", clause="RFC 9101 10.4"
            ) from error
        _require_answer(response)
        fresh = fresh_for(response, least=0.0, most=KEPT_AT_MOST, default=0.0)
        self._kept.pop(url, None)
        if fresh:
            self._kept[url] = _Kept(response.body, asked_at, fresh)
        return response.body


def _require_answer(response: HttpResponse) -> None:
    """Raise UnusableAnswer if the client's server cannot answer now, UnusableRequestUri for another failure."""
    if response.status == 200:
        return
    facts = {"status": response.status}
    if response.status == 429 or response.status >= 500:
        raise UnusableAnswer(
            "the server of the request_uri cannot answer now", clause="RFC 9101 5.2", facts=facts
        )
    raise UnusableRequestUri(f"the request_uri answers with {response.status}", facts=facts)


def _has_hash(content: bytes, wanted: str) -> bool:
    """Whether the content has the hash in the fragment. Without a fragment any content will do."""
    found = base64url.encode(hashlib.sha256(content).digest())
    return not wanted or hmac.compare_digest(found.encode(), wanted.encode())
