"""Many banks. Each has its own issuer, redirect URI, profile, client_id, keys, certificate authority and proxy.

    banks = Registry({"first": RegisteredBank(issuer=..., client_id=..., auth=..., redirect_uri=...), ...})
    banks.client("first").begin(scope="openid accounts")

Spec: FAPI1-BL 5.2.3-3; RFC 9700 2.1d, 4.4.2; FAPI2-SP 5.3.3.1-10, 6.3
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fapikit.client_authentication import ClientAuthentication
from fapikit.client_authentication.assertion_audience import ISSUER
from fapikit.client_authentication.mutual_tls import require_certificate
from fapikit.errors import ConfigurationError
from fapikit.io import HttpSettings
from fapikit.jose.public_key import import_public_jwk
from fapikit.metadata import ServerMetadata
from fapikit.profiles import FAPI2_SECURITY, Profile, profile_of
from fapikit.setting_types import check_text_settings
from rpkit.async_client import AsyncClient
from rpkit.client import Client
from rpkit.registration.keys import signer_now
from rpkit.settings import ClientOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredBank:
    """The settings of the client at one bank. `profile` may be a profile with quirks for this bank alone.

    `metadata`: the metadata of a bank that publishes none. `metadata_url`: the URL of the metadata, for a bank that
    does not publish them at its well-known URLs.
    """

    issuer: str
    client_id: str
    auth: ClientAuthentication
    redirect_uri: str
    profile: Profile | str = FAPI2_SECURITY
    metadata: ServerMetadata | None = field(default=None, repr=False)
    metadata_url: str | None = None
    http: HttpSettings | None = field(default=None, repr=False)
    options: ClientOptions = field(default_factory=ClientOptions, repr=False)

    def __post_init__(self) -> None:
        check_text_settings(self)
        self.auth.check(profile_of(self.profile))
        require_certificate(self.auth, may_show=self.http is not None and self.http.may_show_certificate)
        if self.metadata is not None and (
            self.metadata.issuer != self.issuer or self.metadata_url is not None
        ):
            raise ConfigurationError(
                "metadata must name the issuer of this bank, and metadata_url must not be given beside it:"
                " correct metadata, or leave one of the two out",
                clause="RFC 8414 3.3",
                facts={"expected": self.issuer, "got": self.metadata.issuer},
            )

    def arguments(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "auth": self.auth,
            "redirect_uri": self.redirect_uri,
            "profile": self.profile,
            "http": self.http,
            **self.options,
        }


class Registry:
    """Banks by name. The first call of `client(name)` fetches the bank's metadata and makes the client."""

    def __init__(self, banks: dict[str, RegisteredBank]) -> None:
        """Raises ConfigurationError if two banks share an issuer or a redirect URI: a mix-up attack would be possible.

        It is also raised if a bank has an `assertion_audience` that is not its issuer and shares a key with another
        bank: client assertions could be replayed at that bank.
        """
        for what, clause in (("issuer", "RFC 9207 4"), ("redirect_uri", "RFC 9700 4.4.2")):
            shared = _twice(getattr(bank, what) for bank in banks.values())
            if shared is not None:
                raise ConfigurationError(
                    f"two banks share the {what} {shared}: give each bank its own",
                    clause=clause,
                    facts={what: shared},
                )
        for name, bank in banks.items():
            if bank.options.get("assertion_audience", ISSUER) != ISSUER:
                _require_own_key(name, bank, banks)
        self._banks = dict(banks)
        self._clients: dict[str, Client] = {}
        self._async_clients: dict[str, AsyncClient] = {}

    def client(self, name: str) -> Client:
        """The client of this bank. Raises ConfigurationError for an unknown name, and what `Client.discover` raises."""
        if name not in self._clients:
            bank = self[name]
            arguments = bank.arguments()
            if bank.metadata is not None:
                made = Client(metadata=bank.metadata, **arguments)
            else:
                made = Client.discover(bank.issuer, metadata_url=bank.metadata_url, **arguments)
            # Two threads may both make a client at first. One of the two is kept.
            self._clients.setdefault(name, made)
        return self._clients[name]

    async def async_client(self, name: str) -> AsyncClient:
        """See `client`."""
        if name not in self._async_clients:
            bank = self[name]
            arguments = bank.arguments()
            if bank.metadata is not None:
                made = AsyncClient(metadata=bank.metadata, **arguments)
            else:
                made = await AsyncClient.discover(bank.issuer, metadata_url=bank.metadata_url, **arguments)
            self._async_clients.setdefault(name, made)
        return self._async_clients[name]

    def name_of(self, issuer: str) -> str:
        """The name of the bank with this issuer. Raises ConfigurationError if there is none."""
        for name, bank in self._banks.items():
            if bank.issuer == issuer:
                return name
        raise ConfigurationError(
            f"no bank of this registry has the issuer {issuer}: add it to Registry(...)",
            facts={"issuer": issuer},
        )

    def __getitem__(self, name: str) -> RegisteredBank:
        if name not in self._banks:
            raise ConfigurationError(
                f"this registry has no bank with the name {name!r}: use one of its names,"
                " or add it to Registry(...)",
                facts={"known": " ".join(sorted(self._banks))},
            )
        return self._banks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._banks)

    def __len__(self) -> int:
        return len(self._banks)

    def __repr__(self) -> str:
        return f"Registry({', '.join(self._banks)})"


def _require_own_key(name: str, bank: RegisteredBank, banks: dict[str, RegisteredBank]) -> None:
    own = _key_of(bank)
    for other, its in banks.items():
        if other != name and own is not None and own == _key_of(its):
            raise ConfigurationError(
                f"the assertion_audience of {name} is not its issuer, and {name} shares its key with {other}:"
                f" give {name} a key of its own",
                clause="RFC 7523 3-3",
                facts={"banks": f"{name} {other}"},
            )


def _key_of(bank: RegisteredBank) -> str | None:
    """The thumbprint of the key that signs client assertions, or None for a method without one."""
    signer = getattr(bank.auth, "signer", None)
    return None if signer is None else import_public_jwk(signer_now(signer).public_jwk).thumbprint


def _twice(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
