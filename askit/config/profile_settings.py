"""The profile that the settings name, with what an ecosystem chose in it and what is relaxed until a day.

Spec: FAPI2-MS 5.1; FAPI2-SP 5.1.2
Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.profiles import FAPI2_SECURITY, PROFILES, Profile, message_signing, profile_of
from fapikit.quirks import Quirk

_MESSAGE_SIGNING: Final = PROFILES["fapi2-message-signing"].name
_SWITCHES: Final = ("signed_requests", "signed_responses", "signed_introspection", "signed_id_tokens")


def read_profile(table: Table) -> Profile:
    """`profile`, `[message_signing]` and `[[quirks]]`. Raises ConfigurationError, ForbiddenByProfile."""
    name = table.optional_string("profile")
    profile = profile_of(name or FAPI2_SECURITY)
    switches = table.table("message_signing")
    if switches is not None:
        if name != _MESSAGE_SIGNING:
            raise ConfigurationError(
                f"message_signing contradicts profile = {profile.name}: its parts are those of {_MESSAGE_SIGNING}",
                facts={"setting": "message_signing"},
            )
        profile = message_signing(**{switch: switches.boolean(switch, True) for switch in _SWITCHES})
        switches.require_nothing_else()
    for entry in table.tables("quirks"):
        profile = _relaxed(profile, entry)
    return profile


def _relaxed(profile: Profile, entry: Table) -> Profile:
    name, reason, until = entry.string("name"), entry.string("reason"), entry.date("until")
    entry.require_nothing_else()
    quirk = Quirk.__members__.get(name)
    if quirk is None:
        raise ConfigurationError(
            f"{entry.name('name')}: no quirk is called {name!r}: use one of {', '.join(Quirk.__members__)}",
            clause="FAPI2-SP 5.1.2",
            facts={"setting": entry.name("name")},
        )
    return profile.relax(quirk, until=until, reason=reason)
