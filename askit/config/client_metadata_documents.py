"""Whose metadata documents are fetched, so that a URL can be a client_id: the table `[client_metadata_documents]`.

Spec: CIMD 6.4, 6.5
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from askit.config.table import Table
from fapikit.errors import ConfigurationError

ANY: Final = "*"
_SETTING: Final = "client_metadata_documents.hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMetadataDocuments:
    """`hosts`: the exact hosts where documents may lie; `*` is every host."""

    hosts: tuple[str, ...]

    @classmethod
    def read(cls, table: Table) -> ClientMetadataDocuments:
        """Raises ConfigurationError."""
        hosts = table.strings("hosts")
        table.require_nothing_else()
        return cls(hosts=hosts)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if not self.hosts:
            raise _wrong('is empty: name hosts, or "*" for any, or leave out the table')
        for host in self.hosts:
            if host != ANY and (host != host.lower() or urlsplit(f"https://{host}/").hostname != host):
                raise _wrong(
                    f'has {host!r}: name hosts in lower case, without scheme, port and path, or "*" for any'
                )

    def allows(self, url: str) -> bool:
        return ANY in self.hosts or urlsplit(url).hostname in self.hosts


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(f"{_SETTING} {why}", clause="CIMD 6.4", facts={"setting": _SETTING})
