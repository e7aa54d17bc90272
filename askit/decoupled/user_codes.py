"""User codes: what a device shows and its user types. Eight letters without vowels, digits and letters that look alike.

A code is kept under a pseudonym, because a digest of so few letters could be searched.

Spec: RFC 8628 5.1, 6.1a, 6.1b
Role: AS
"""

from __future__ import annotations

import unicodedata
from typing import Final

from askit.core import Core
from askit.records import Owners
from askit.users.guess_counters import Counter
from fapikit.errors import StoreUnavailable

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LETTERS: Final = 8
_LOOK_ALIKES: Final = str.maketrans("0O1I2568U", "QQLLZSGBV")
_TRIES: Final = 20
_CODES: Final = "codes"


def make_user_code(core: Core) -> str:
    """A new code as it is shown, such as `WDJB-MJHT`."""
    letters = ""
    most = 256 - 256 % len(ALPHABET)  # an octet above it would make some letters likelier than others
    while len(letters) < LETTERS:
        letters += "".join(
            ALPHABET[octet % len(ALPHABET)] for octet in core.random_bytes(LETTERS) if octet < most
        )
    return shown(letters[:LETTERS])


def shown(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"


def read_user_code(typed: str) -> str | None:
    """The code as it is shown, from what a user typed: in any case and width, with any dashes and spaces.

    Characters that look like one of the alphabet are read as it. None: this can be no code.
    """
    plain = unicodedata.normalize("NFKC", typed[:100]).upper().translate(_LOOK_ALIKES)
    letters = "".join(letter for letter in plain if letter in ALPHABET)
    return shown(letters) if len(letters) == LETTERS else None


async def reserve_user_code(core: Core, uri: str, lifetime: float, owners: Owners) -> str:
    """A new code for the request with this URI. No other request has it at this time. Raises StoreError."""
    for _ in range(_TRIES):
        code = make_user_code(core)
        if await core.records.mark("user-code", await _name(core, code), lifetime, uri, owners=owners):
            return code
    raise StoreUnavailable("no user code is free")


async def find_by_user_code(core: Core, code: str, *, address: str, username: str | None) -> str | None:
    """The URI of the request with this code; None if there is none. `username`: who types it, if somebody is signed in;
    `address`: from where it comes, if nobody is.

    A wrong code counts as a guess. Those of strangers count from their address and in all: whoever guesses needs any
    one code, not a certain one. Those of a user count for this user alone, so strangers shut out no user.
    A right one takes back nothing but itself, so nobody makes room for guesses by codes of his own devices.
    Raises TooManyAttempts if a limit is reached; StoreError.
    """
    guesses = core.guesses
    counters = await _of_stranger(core, address) if username is None else (_of_user(core, username),)
    await guesses.require_below(*counters)
    await guesses.add(*counters)
    uri = await core.records.marked("user-code", await _name(core, code))
    if uri is not None:
        await guesses.take_back(*counters)
    return uri


async def _of_stranger(core: Core, address: str) -> tuple[Counter, ...]:
    guesses, limits = core.guesses, core.config.limits
    here = await guesses.in_table(f"user codes from {address}", limits.wrong_user_codes, _CODES)
    return here, guesses.of_its_own("user codes", limits.wrong_user_codes_in_all, _CODES)


def _of_user(core: Core, username: str) -> Counter:
    return core.guesses.of_its_own(f"user codes of {username}", core.config.limits.wrong_user_codes, _CODES)


async def _name(core: Core, code: str) -> str:
    return await core.keys.pseudonym(f"user code {code}")
