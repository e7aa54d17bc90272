"""The issuers whose assertions this server takes for tokens: the tables `[[trusted_issuers]]`.

Each says whose assertions count, with which keys, for which of our users, by which clients and for what.

Spec: RFC 7523 2.1, 3-1, 3-2, 3-3, 3-4; RFC 7521 4.1a, 5.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from askit.clients.client import Client
from askit.config.issuer_keys import WAYS, read_issuer
from askit.config.table import Table
from askit.config.values import IDENTITY_SCOPES, User
from fapikit.errors import ConfigurationError
from fapikit.keyed_issuer import KeyedIssuer, wrong
from fapikit.profiles import Profile
from fapikit.urns import JWT_BEARER

LONGEST_LIFETIME: Final = 3600.0
_TABLE: Final = "trusted_issuers"
_CLAUSE: Final = "RFC 7523 3-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer(KeyedIssuer):
    """One issuer whose assertions count.

    `audiences`: what its assertions call this server; None: its issuer or its token endpoint. `subjects`: the user name
    for each subject. `subjects_are_usernames`: every other subject is a user name itself. `clients`: who may hand in
    its assertions. `scopes`: the most that they give. `max_lifetime`: seconds between now and the end of an assertion.
    """

    audiences: tuple[str, ...] | None = None
    subjects: Mapping[str, str] = field(default_factory=dict, repr=False)
    subjects_are_usernames: bool = False
    clients: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    algorithms: tuple[str, ...] | None = None
    max_lifetime: float = 300.0

    @classmethod
    def read(cls, table: Table, base: Path) -> TrustedIssuer:
        """Raises ConfigurationError."""
        read = cls(
            **read_issuer(table, base, _TABLE, _CLAUSE),
            audiences=table.optional_strings("audiences"),
            subjects=table.members("subjects"),
            subjects_are_usernames=table.boolean("subjects_are_usernames", False),
            clients=table.strings("clients"),
            scopes=table.strings("scopes"),
            algorithms=table.optional_strings("algorithms"),
            max_lifetime=table.optional_seconds("max_lifetime") or 300.0,
        )
        table.require_nothing_else()
        return read

    def username_of(self, subject: str) -> str | None:
        """The name of the user that a subject is here."""
        return self.subjects.get(subject, subject if self.subjects_are_usernames else None)


def check_trusted_issuers(
    issuers: Iterable[TrustedIssuer],
    *,
    own_issuer: str,
    clients: Iterable[Client],
    users: Iterable[User],
    scopes: Collection[str],
    profile: Profile,
) -> None:
    """Raise ConfigurationError for an issuer that cannot work, or that names something that is not there."""
    known = {client.client_id: client for client in clients}
    names, seen = {user.username for user in users}, {own_issuer, *known}
    for trusted in issuers:
        if trusted.issuer in seen:
            raise _wrong("issuer", f"{trusted.issuer!r} is this server, one of its clients, or given twice")
        seen.add(trusted.issuer)
        trusted.check_keys(_TABLE, _CLAUSE, ways=WAYS)
        _check_subjects(trusted, names)
        _check_bounds(trusted, scopes, profile)
        if not trusted.clients:
            raise _wrong(
                "clients", f"of {trusted.issuer} is missing: nobody may hand in its assertions without it"
            )
        for client_id in trusted.clients:
            _check_client(client_id, known.get(client_id))


def _check_bounds(trusted: TrustedIssuer, scopes: Collection[str], profile: Profile) -> None:
    if not trusted.scopes:
        raise _wrong("scopes", f"of {trusted.issuer} is missing: its assertions give nothing without it")
    if unknown := set(trusted.scopes) - (set(scopes) - set(IDENTITY_SCOPES)):
        raise _wrong("scopes", f"of {trusted.issuer} has {min(unknown)!r}, which no API has")
    if trusted.audiences == ():
        raise _wrong("audiences", f"of {trusted.issuer} is empty: leave it out for this server's own names")
    if trusted.max_lifetime > LONGEST_LIFETIME:
        raise _wrong("max_lifetime", f"of {trusted.issuer} is more than {LONGEST_LIFETIME:.0f} seconds")
    for alg in trusted.algorithms or ():
        profile.require_algorithm(alg, "an assertion")


def _check_subjects(trusted: TrustedIssuer, usernames: Collection[str]) -> None:
    if not trusted.subjects and not trusted.subjects_are_usernames:
        raise _wrong(
            "subjects", f"of {trusted.issuer} is missing: say which of its subjects are which users here"
        )
    for username in trusted.subjects.values():
        if username not in usernames:
            raise _wrong("subjects", f"of {trusted.issuer} has {username!r}, which is no configured user")


def _check_client(client_id: str, client: Client | None) -> None:
    if client is None:
        raise _wrong("clients", f"has no configured client {client_id!r}")
    if JWT_BEARER not in client.grant_types:
        raise _wrong("clients", f"has {client_id!r}, whose grant_types do not have {JWT_BEARER}")
    if client.auth_method == "none":
        raise _wrong("clients", f"has {client_id!r}, a public client: it cannot hand in assertions")


def _wrong(setting: str, why: str) -> ConfigurationError:
    return wrong(_TABLE, setting, why, _CLAUSE)
