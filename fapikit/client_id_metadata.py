"""A client_id that is the URL of the client's own metadata: which URLs can be one, and what the document must say.

Spec: CIMD 3, 4.1, 5, 6.2
Role: C, AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from fapikit.urls import is_secure

MAX_OCTETS: Final = 5 * 1024
"""The longest document (CIMD 6.6)."""
SUPPORTED: Final = "client_id_metadata_document_supported"
_URL_CHARACTERS: Final = 512
_SECRETS: Final = ("client_secret", "client_secret_expires_at")


def fault_of_url(url: str) -> str | None:
    """What keeps this URL from being such a client_id; None if nothing does."""
    if not url.startswith("https://") or not is_secure(url):
        return "must be an https URL without user info"
    if len(url) > _URL_CHARACTERS:
        return f"must not be longer than {_URL_CHARACTERS} characters"
    if "#" in url:
        return "must not have a fragment"
    path = urlsplit(url).path
    if path in ("", "/"):
        return "must have a path"
    if {".", ".."} & set(unquote(path).split("/")):
        return "must not have the segments . and .. in its path"
    return None


def fault_of_document(metadata: Mapping[str, Any], url: str) -> str | None:
    """What keeps this metadata from being the document of `url`; None if nothing does."""
    if metadata.get("client_id") != url:
        return "must have its own URL as client_id, letter by letter"
    for name in _SECRETS:
        if name in metadata:
            return f"must not have {name}, because everybody can read it"
    method = auth_method_of(metadata)
    if isinstance(method, str) and method.startswith("client_secret"):
        return f"must not have token_endpoint_auth_method {method}, because everybody can read the document"
    return None


def auth_method_of(metadata: Mapping[str, Any]) -> Any:
    """The `token_endpoint_auth_method`. The usual default needs a secret, so here the keys decide what is left out."""
    given = metadata.get("token_endpoint_auth_method")
    if given is not None:
        return given
    return "private_key_jwt" if {"jwks", "jwks_uri"} & metadata.keys() else "none"
