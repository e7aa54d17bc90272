"""What the consent page shows about a client: links to its home page, its policies and its logo.

A client may register any URL. So each link shows its host, and the page loads a logo only from origins that the bank
allows: an image tells its host who views it, and may imitate another company's logo.

Spec: RFC 7591 2, 5; OIDC Registration 2
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from askit.browser_origins import ANY
from askit.clients.client import Client
from fapikit.urls import origin_of

_LINKS: Final = {
    "client_uri": "about_client_uri",
    "policy_uri": "about_policy_uri",
    "tos_uri": "about_tos_uri",
    "logo_uri": "about_logo_uri",
}
"""The key of the text for each."""
_ORIGIN: Final = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
"""An origin that adds nothing else to a content security policy."""


@dataclass(frozen=True, slots=True)
class AboutClient:
    """`links`: the key of the text, URL and host of each. `logo`: the image that the page may show, if there is one."""

    links: tuple[tuple[str, str, str], ...]
    logo: str | None

    @property
    def logo_origin(self) -> str | None:
        return None if self.logo is None else origin_of(self.logo)


def about(client: Client, logo_origins: Collection[str]) -> AboutClient:
    """`logo_origins`: the origins from which logos may be loaded; `*` allows all."""
    given = {name: uri for name in _LINKS if (uri := client.metadata.get(name))}
    logo = given.get("logo_uri")
    if logo is not None and not _may_be_fetched(logo, logo_origins):
        logo = None
    links = tuple(
        (_LINKS[name], uri, urlsplit(uri).netloc)
        for name, uri in given.items()
        if logo is None or name != "logo_uri"
    )
    return AboutClient(links, logo)


def _may_be_fetched(uri: str, origins: Collection[str]) -> bool:
    origin = origin_of(uri)
    return _ORIGIN.fullmatch(origin) is not None and (ANY in origins or origin in origins)
