"""The profile in the settings, with the options that an ecosystem chose and the quirks that relax it until a date.

Both may be set for single clients. In everything else their profile is then the server's.

Spec: FAPI2-MS 5.1; FAPI2-SP 5.1.2, 6.1; FAPI1-BL 5.2.2-21
Role: AS
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.profiles import FAPI2_SECURITY, PROFILES, Profile, message_signing, profile_of
from fapikit.quirks import Quirk

log = logging.getLogger("askit")

_MESSAGE_SIGNING: Final = PROFILES["fapi2-message-signing"].name
_SWITCHES: Final = ("signed_requests", "signed_responses", "signed_introspection", "signed_id_tokens")
_OF_CLIENTS: Final = frozenset({Quirk.FURTHER_ID_TOKEN_AUDIENCES, Quirk.JARM_ISS_TWICE})
"""Quirks about what a client accepts. They change nothing at a server."""


def read_profiles(table: Table) -> tuple[Profile, dict[str, Profile]]:
    """`profile`, `[message_signing]` and `[[quirks]]`: the server's profile, and those of single clients by id.

    Raises ConfigurationError, ForbiddenByProfile.
    """
    name = table.optional_string("profile")
    profile, own = profile_of(name or FAPI2_SECURITY), dict[str, Profile]()
    switches = table.table("message_signing")
    if switches is not None:
        if name != _MESSAGE_SIGNING:
            raise ConfigurationError(
                f"message_signing needs profile = {_MESSAGE_SIGNING}, but profile = {profile.name}",
                facts={"setting": "message_signing"},
            )
        profile, own = _message_signing(switches)
    for entry in table.tables("quirks"):
        clients = _clients(entry)
        if clients is None:
            profile, *others = (_relaxed(each, entry) for each in (profile, *own.values()))
            own = dict(zip(own, others, strict=True))
        else:
            own.update({name: _relaxed(own.get(name, profile), entry) for name in clients})
        entry.require_nothing_else()
    return profile, own


def check_client_profiles(
    profile: Profile, client_profiles: Mapping[str, Profile], client_ids: Collection[str]
) -> None:
    """Raise ConfigurationError unless each is for a configured client, and differs from the server's only by quirks."""
    for client_id, own in client_profiles.items():
        if client_id not in client_ids:
            raise ConfigurationError(
                f"quirks or message_signing: clients has no configured client {client_id!r}",
                facts={"setting": "clients"},
            )
        if own.clauses != profile.clauses:
            raise ConfigurationError(
                f"client_profiles: {client_id} has the profile {own.name}, but the server has {profile.name}: clients "
                "may differ only by quirks and switches",
                facts={"setting": "client_profiles"},
            )
        if own.tls12_ciphers != profile.tls12_ciphers:
            raise ConfigurationError(
                f"quirks: {Quirk.ECDSA_SUITES.name} cannot be for single clients, because a connection is made before "
                "its client is known: leave out clients",
                clause=profile.clause("tls12_ciphers"),
                facts={"setting": "quirks.clients"},
            )


def check_assertion_audience(name: str | None, profiles: Iterable[Profile]) -> None:
    """Raise ConfigurationError for an assertion_audience that no profile accepts."""
    if name is None or any(profile.named_assertion_audience for profile in profiles):
        return
    quirk = Quirk.NAMED_ASSERTION_AUDIENCE.name
    raise ConfigurationError(
        f"assertion_audience needs the quirk {quirk}: add it to [[quirks]], for the server or for single clients",
        facts={"setting": "assertion_audience"},
    )


def check_token_lifetime(profile: Profile, seconds: float) -> None:
    """Require a lifetime of access tokens that the profile allows. It is shorter if tokens may be unbound."""
    if profile.sender_constraint_required:
        too_long, bound, clause = seconds > 3600.0, "at most 3600", "FAPI2-SP 6.1"
    else:
        limit, clause = profile.bearer_token_lifetime, profile.clause("bearer_token_lifetime")
        too_long, bound = seconds >= limit, f"less than {limit:.0f}"
    if too_long:
        raise ConfigurationError(
            f"access_token_lifetime = {seconds:.0f} is too long for profile = {profile.name}: {bound} seconds",
            clause=clause,
            facts={"setting": "access_token_lifetime"},
        )


def check_status_list_ttl(ttl: float | None, access_token_lifetime: float) -> None:
    """Require a time that is shorter than that of the tokens: else each token ends before its list is read again."""
    if ttl is not None and not 1 <= ttl < access_token_lifetime:
        raise ConfigurationError(
            f"status_list_ttl = {ttl:g} must be 1 or more, and less than access_token_lifetime = "
            f"{access_token_lifetime:g}",
            clause="TSL 5.1",
            facts={"setting": "status_list_ttl"},
        )


def check_polling(device_code_lifetime: float, auth_req_id_lifetime: float, interval: float) -> None:
    """Require waiting requests that die before they can be mailed around, and that can be polled for."""
    for setting, seconds, clause in (
        ("device_code_lifetime", device_code_lifetime, "RFC 8628 5.4b"),
        ("auth_req_id_lifetime", auth_req_id_lifetime, "CIBA 7.3a"),
    ):
        if seconds > 1800.0:
            raise ConfigurationError(
                f"{setting} = {seconds:.0f} is too long: at most 1800 seconds",
                clause=clause,
                facts={"setting": setting},
            )
        if not 1.0 <= interval <= seconds / 2:
            raise ConfigurationError(
                f"polling_interval = {interval:g} must be at least 1 second, and at most half of {setting}",
                clause="RFC 8628 3.2a",
                facts={"setting": "polling_interval"},
            )


def _message_signing(table: Table) -> tuple[Profile, dict[str, Profile]]:
    """The switches of the server, and those of `[[message_signing.for]]`, whose defaults are the server's."""
    chosen = {switch: table.boolean(switch, True) for switch in _SWITCHES}
    own: dict[str, Profile] = {}
    for entry in table.tables("for"):
        clients = _clients(entry)
        if clients is None:
            raise ConfigurationError(
                f"{entry.name('clients')} is missing: name the clients that these switches are for",
                facts={"setting": entry.name("clients")},
            )
        theirs = message_signing(**{name: entry.boolean(name, value) for name, value in chosen.items()})
        own.update(dict.fromkeys(clients, theirs))
        entry.require_nothing_else()
    table.require_nothing_else()
    return message_signing(**chosen), own


def _clients(entry: Table) -> tuple[str, ...] | None:
    """The ids of `clients`; None: it is for the whole server."""
    clients = entry.optional_strings("clients")
    if clients == ():
        raise ConfigurationError(
            f"{entry.name('clients')} is empty: name clients, or leave it out",
            facts={"setting": entry.name("clients")},
        )
    return clients


def _relaxed(profile: Profile, entry: Table) -> Profile:
    name, reason, until = entry.string("name"), entry.string("reason"), entry.date("until")
    quirk = Quirk.__members__.get(name)
    if quirk is None:
        raise ConfigurationError(
            f"{entry.name('name')}: there is no quirk {name!r}: use one of {', '.join(Quirk.__members__)}",
            facts={"setting": entry.name("name")},
        )
    if quirk in _OF_CLIENTS:
        log.warning("%s: %s is about what clients accept, and changes nothing here", entry.name("name"), name)
    return profile.relax(quirk, until=until, reason=reason)
