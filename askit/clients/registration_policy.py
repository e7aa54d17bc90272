"""The most that a self-registered client may have: no API unless the configuration names it.

A list is reduced to the allowed values, and the answer shows what was registered. The registration is refused if
nothing of a list is left, or if a single value is not allowed: another value would mislead the client. A public client
uses one registration at any server that it meets. If none of its scopes is left, it is treated as if it had requested
none. The policy is applied whenever such a client is looked up, so it also binds clients that registered before it
changed.

Spec: RFC 7591 2, 3.2.1, 5; RFC 7592 2.2; RFC 9700 2.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from askit.clients import grant_management
from askit.clients.backchannel import DELIVERY_MODE
from askit.clients.metadata import check_types
from askit.clients.sector_identifier import SUBJECT_TYPE
from askit.errors import InvalidClientMetadata, InvalidRedirectUri
from fapikit.urns import CIBA

_MEANS_ALL: Final = ("authorization_details_types", "response_modes", grant_management.ACTIONS)
"""Lists that mean everything if they are left out."""
ID_OCTETS: Final = 32
"""The most octets that one client takes in the list of self-registered clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPolicy:
    """`scopes` and `authorization_details_types`: what can be reached at all. None: all that the profile has.

    `redirect_hosts`: the allowed hosts of redirect URIs. `subject_types`: the allowed ones, the default first;
    None: all, and public is the default. `lifetime`: seconds since the registration or its last change.
    `software_statement_required`: only clients with the software statement of a trusted directory.
    """

    scopes: tuple[str, ...]
    authorization_details_types: tuple[str, ...] = ()
    grant_management_actions: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    response_types: tuple[str, ...] = ("code",)
    response_modes: tuple[str, ...] | None = None
    token_endpoint_auth_methods: tuple[str, ...] | None = None
    redirect_hosts: tuple[str, ...] | None = None
    subject_types: tuple[str, ...] | None = None
    max_clients: int = 1000
    lifetime: float | None = None
    software_statement_required: bool = False

    def bound(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata without what this policy does not allow. Raises InvalidClientMetadata for a wrong type."""
        check_types(metadata)
        bounded = dict(metadata)
        asked = metadata.get("scope")
        scopes = self.scopes if asked is None else asked.split()
        left = [scope for scope in scopes if scope in self.scopes]
        if not left and metadata.get("token_endpoint_auth_method") == "none":
            left = list(self.scopes)
        bounded["scope"] = " ".join(left)
        for name, allowed in self._lists().items():
            if allowed is not None and (name in metadata or name in _MEANS_ALL):
                bounded[name] = [item for item in metadata.get(name, allowed) if item in allowed]
        if self.subject_types is not None:
            bounded.setdefault(SUBJECT_TYPE, self.subject_types[0])
        if CIBA not in self.grant_types:
            bounded.pop(DELIVERY_MODE, None)  # push needs no grant type, and is the same right
        if "authorization_code" not in bounded.get("grant_types", ("authorization_code",)):
            bounded["response_types"] = []
        return bounded

    def require_something_left(self, asked: Mapping[str, Any], bounded: Mapping[str, Any]) -> None:
        """Raise InvalidClientMetadata if a client would get nothing of what it requests."""
        without_codes = "authorization_code" not in bounded["grant_types"]
        for name in ("grant_types", "scope", *self._lists()):
            of_codes = name == "response_types" and without_codes
            if asked.get(name) and not bounded[name] and not of_codes:
                raise InvalidClientMetadata(
                    f"{name}: self-registered clients may have none of the requested values",
                    facts={"member": name},
                )

    def require(self, metadata: Mapping[str, Any]) -> None:
        """Raise InvalidClientMetadata, InvalidRedirectUri for a value that cannot be reduced."""
        method, methods = metadata.get("token_endpoint_auth_method"), self.token_endpoint_auth_methods
        if methods is not None and method not in methods:
            raise InvalidClientMetadata(
                "self-registered clients may not use this token_endpoint_auth_method",
                facts={"allowed": " ".join(methods)},
            )
        if self.subject_types is not None:
            self._require_subject_type(metadata.get(SUBJECT_TYPE, self.subject_types[0]), self.subject_types)
        if self.redirect_hosts is None:
            return
        for name in ("redirect_uris", "post_logout_redirect_uris"):
            for uri in metadata.get(name, ()):
                if _host_of(uri) not in self.redirect_hosts:
                    raise InvalidRedirectUri(
                        f"{name} has a host that self-registered clients may not use",
                        facts={"host": str(_host_of(uri))[:100]},
                    )

    @staticmethod
    def _require_subject_type(subject_type: object, allowed: tuple[str, ...]) -> None:
        if subject_type not in allowed:
            raise InvalidClientMetadata(
                f"self-registered clients may not use this subject_type: use {' or '.join(allowed)}",
                clause="OIDC Registration 2",
                facts={"allowed": " ".join(allowed)},
            )

    def _lists(self) -> Mapping[str, tuple[str, ...] | None]:
        return {
            "authorization_details_types": self.authorization_details_types,
            grant_management.ACTIONS: self.grant_management_actions,
            "grant_types": self.grant_types,
            "response_types": self.response_types,
            "response_modes": self.response_modes,
        }


def _host_of(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None
