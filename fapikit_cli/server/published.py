"""The metadata documents that a server publishes: both are read, compared, and the one is chosen that a client uses.

Spec: RFC 8414 3, 3.3; OIDC Discovery 4; FAPI2-SP 5.3.2.1-1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fapikit.errors import FapiError
from fapikit.http_message import raise_error_in_body
from fapikit.metadata import ServerMetadata, WellKnown, read_metadata, well_known_url
from fapikit_cli.server.caller import Answer, Caller

_KINDS: tuple[WellKnown, ...] = ("oauth-authorization-server", "openid-configuration")


@dataclass(frozen=True, slots=True)
class Document:
    """One well-known URL: its metadata, or the error that made them useless; `answer` if there was one."""

    kind: WellKnown
    url: str
    answer: Answer | None
    members: Mapping[str, Any]
    metadata: ServerMetadata | None
    error: FapiError | None


@dataclass(frozen=True, slots=True)
class Published:
    """Both documents of a server."""

    issuer: str
    documents: tuple[Document, ...]

    @property
    def metadata(self) -> ServerMetadata:
        """Those that a client takes: of the first document that can be used. Raises the error of the first."""
        for document in self.documents:
            if document.metadata is not None:
                return document.metadata
        for document in self.documents:
            if document.error is not None:
                raise document.error
        raise AssertionError("a document has metadata or an error")

    def differences(self) -> list[tuple[str, Any, Any]]:
        """The members that both documents could have, and that differ: name, the one value, the other."""
        one, other = (document.members for document in self.documents)
        if not one or not other:
            return []
        return [
            (name, one.get(name), other.get(name))
            for name in sorted({*one, *other})
            if _comparable(one.get(name)) != _comparable(other.get(name))
        ]


def read_published(issuer: str, caller: Caller) -> Published:
    """Fetch both documents. Raises ConfigurationError, InsecureUrl for what is no issuer."""
    ServerMetadata(issuer, {})
    return Published(issuer, tuple(_read(issuer, kind, caller) for kind in _KINDS))


def _read(issuer: str, kind: WellKnown, caller: Caller) -> Document:
    url, answer, members = well_known_url(issuer, kind), None, {}
    try:
        answer = caller.get(url)
        members = dict(answer.json("RFC 8414 3.2"))
        if not members.get("issuer"):
            raise_error_in_body(answer.response, clause="RFC 8414 3.2")
        return Document(kind, url, answer, members, read_metadata(issuer, members, asked_at=url), None)
    except FapiError as error:
        return Document(kind, url, answer, members, None, error)


def _comparable(value: Any) -> Any:
    """The order of a list of words says nothing."""
    return (
        sorted(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else value
    )
