"""Status lists say which JWT access tokens have ended early: an index for each token, and the signed lists.

An API that verifies JWTs by itself reads them, and so learns of every way in which a token ends here: a list is made
from what introspection would say of each of its tokens, and not from notes of single events.

Tokens that expire within the same time share a list, so each list ends. Its name has its end, a number and a random
part. An index is random, and is reserved in the store, so no other process uses it too. A token is revocable from
the moment that it is stored: before, its entry is only reserved, and nobody has the token.

Spec: TSL 4.2, 5.1, 6.2, 7.1, 8.1, 8.2, 9.1, 9.3, 13.2, 13.3
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from askit.core import Core
from askit.errors import NoSuchEndpoint
from askit.issuing.token_parties import Parties, find_parties, left_by
from askit.record_store import Step
from askit.records import AccessToken, Owners, StatusEntry, digest, read_stored
from askit.status_cache import KnownList
from fapikit.errors import StoreUnavailable
from fapikit.jose.purposes import STATUS_LIST
from fapikit.secrets import random_token
from fapikit.status_list import INVALID, StatusList, StatusReference
from fapikit.stores.identity import require_memory

ENDPOINT: Final = "status_lists"
ENTRIES: Final = 2048
"""In each list."""
KEPT_AFTER: Final = 60.0
"""Seconds for which an API may accept an expired token, because clocks differ. So long its status is kept."""
_TRIES: Final = 8
"""Indexes that are tried in one list. If all are taken, the list is nearly full, and the next one is used."""
_MOST_LISTS: Final = 10_000
_RESERVED: Final = "-"
_AT_ONCE: Final = 64


class ListName(NamedTuple):
    """`end`: when the last token of the list expires. `nonce`: when the list was made, and a random part.

    So a list has another name if it is made again because the store has lost it.
    """

    end: int
    number: int
    nonce: str

    def __str__(self) -> str:
        return f"{self.end}-{self.number}-{self.nonce}"

    @property
    def mark(self) -> str:
        """The name of the mark that keeps the nonce."""
        return f"{self.end}-{self.number}"

    @property
    def gone_at(self) -> float:
        return self.end + KEPT_AFTER

    @property
    def made_at(self) -> float:
        return float(self.nonce.partition("-")[0])


class ReservedEntry(NamedTuple):
    """A new entry of a list. `keeping` makes the step that stores whose it is."""

    reference: StatusReference
    name: ListName

    def keeping(self, core: Core, token: str, record: AccessToken) -> Step[None]:
        """To be done after the step that stores the token, in the same trip."""
        entry = StatusEntry(
            token=digest(token),
            client_id=record.client_id,
            audience=record.audience,
            expires_at=record.expires_at,
            grant_id=record.grant_id,
            username=record.username,
            grant_version=record.grant_version,
        )
        ttl = self.name.gone_at - core.clock()
        return core.records.saving("status-entry", _entry_key(self.name, self.reference.idx), entry, ttl)


async def reserve_entry(core: Core, expires_at: float, owners: Owners) -> ReservedEntry | None:
    """A random free entry for a token that expires then; None if this server has no status lists. Raises StoreError."""
    if core.config.status_list_ttl is None:
        return None
    end = _end_of(core, expires_at)
    for number in range(core.status_lists.first_with_room(end), _MOST_LISTS):
        name = await _list(core, end, number)
        for _ in range(_TRIES):
            idx = int.from_bytes(core.random_bytes(4)) % ENTRIES
            key, lives = _entry_key(name, idx), name.gone_at - core.clock()
            nonce, reserved = await core.records.together(
                core.records.reading_mark("status-list", name.mark),
                core.records.marking("status-entry", key, lives, _RESERVED, owners=owners),
            )
            if nonce != name.nonce:  # the store has lost the list since this process used it last
                core.status_lists.nonces.clear()
                return await reserve_entry(core, expires_at, owners)
            if reserved:
                return ReservedEntry(StatusReference(idx, _uri(core, name)), name)
        core.status_lists.nearly_full(end, number)
    raise StoreUnavailable("too many access tokens expire at the same time")  # pragma: no cover - 20 million


async def current_lists(core: Core) -> list[str]:
    """The URIs of all lists that have not ended. Raises StoreError."""
    found = []
    now, length = core.clock(), _length(core)
    end = int((now - KEPT_AFTER) // length + 1) * length
    while end <= now + core.config.access_token_lifetime + length:
        for number in range(_MOST_LISTS):
            nonce = await core.records.marked("status-list", f"{end}-{number}")
            if nonce is None:
                break
            found.append(_uri(core, ListName(end, number, nonce)))
        end += length
    return found


async def signed_list(core: Core, text: str) -> str:
    """The signed list of this name. Raises NoSuchEndpoint if there is none (any more), StoreError."""
    name = await _existing(core, text)
    known = core.status_lists.known(text, name.gone_at, core.clock())
    async with known.making:  # so of many who ask at once, one makes it
        now = core.clock()
        if known.signed is None or not 0 <= now - known.made_at < _made_anew_after(core):
            await _learn(core, name, known)
            known.signed, known.made_at = await _sign(core, name, known, int(now)), now
        return known.signed


async def _sign(core: Core, name: ListName, known: KnownList, now: int) -> str:
    given = core.config.status_list_ttl or 0.0
    ttl = int(given) if given.is_integer() else given
    ended = StatusList.of(dict.fromkeys(known.ended, INVALID), size=ENTRIES)
    claims: dict[str, Any] = {
        "iss": core.config.issuer,
        "sub": _uri(core, name),
        "iat": now,
        "exp": int(name.gone_at),
        "ttl": ttl,
        "status_list": ended.member(aggregation_uri=core.endpoint(ENDPOINT)),
    }
    return await core.sign(claims, STATUS_LIST)


async def _learn(core: Core, name: ListName, known: KnownList) -> None:
    """Read whose the new entries are, and which tokens have ended since the last time."""
    records = core.records
    # What a store has lost would look like a token that is valid.
    require_memory(records.store, name.made_at)
    unread = [idx for idx in range(ENTRIES) if idx not in known.entries]
    values = await _together(core, (records.reading("status-entry", _entry_key(name, idx)) for idx in unread))
    for idx, octets in zip(unread, values, strict=True):
        if octets is not None and octets != _RESERVED.encode():
            known.entries[idx] = read_stored("status-entry", StatusEntry, octets)
    now = core.clock()
    asked = [
        (idx, entry)
        for idx, entry in known.entries.items()
        if idx not in known.ended and now < entry.expires_at + KEPT_AFTER
    ]
    kept = await _together(core, (records.reading_by_digest("token", entry.token) for _, entry in asked))
    known.ended.update(idx for (idx, _), octets in zip(asked, kept, strict=True) if octets is None)
    parties = list({entry.parties for idx, entry in asked if idx not in known.ended})
    holders_of = dict[tuple[str, str, str | None, str | None], Parties | None]()
    for start in range(0, len(parties), _AT_ONCE):
        some = parties[start : start + _AT_ONCE]
        found = await asyncio.gather(*(find_parties(core, *each) for each in some))
        holders_of.update(zip(some, found, strict=True))
    for (idx, entry), octets in zip(asked, kept, strict=True):
        if octets is not None and idx not in known.ended:
            holders = holders_of[entry.parties]
            known.ended.update([] if _is_as_issued(core, entry, octets, holders) else [idx])
    require_memory(records.store, name.made_at)  # again: the first operation on a store finds out


def _is_as_issued(core: Core, entry: StatusEntry, octets: bytes, holders: Parties | None) -> bool:
    """Whether a token that is stored is valid, with all its rights. A JWT cannot lose a part of them only."""
    if holders is None:
        return False
    if holders.grant is None or holders.grant.version == entry.grant_version:
        return True
    record = read_stored("token", AccessToken, octets)
    return left_by(core.config, record, holders.grant) == record


async def _together(core: Core, steps: Iterable[Step[bytes | None]]) -> list[bytes | None]:
    all_steps, results = list(steps), list[bytes | None]()
    for start in range(0, len(all_steps), _AT_ONCE):
        results += await core.records.together(*all_steps[start : start + _AT_ONCE])
    return results


async def _list(core: Core, end: int, number: int) -> ListName:
    """The list with this end and number. It is made if there is none."""
    name = f"{end}-{number}"
    nonce = core.status_lists.nonces.get(name)
    if nonce is None:
        now = core.clock()
        nonce = f"{now:.6f}-{random_token(core.random_bytes, 9)}"
        if not await core.records.mark("status-list", name, end + KEPT_AFTER - now, nonce):
            nonce = await core.records.marked("status-list", name)
        if nonce is None:
            raise StoreUnavailable("a status list ended while it was read")
        core.status_lists.remember_nonce(name, nonce, core.clock())
    return ListName(end, number, nonce)


async def _existing(core: Core, text: str) -> ListName:
    end, _, rest = text.partition("-")
    number, _, nonce = rest.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 12 for part in (end, number)):
        raise NoSuchEndpoint(404)
    name = ListName(int(end), int(number), nonce)
    if str(name) != text or core.clock() >= name.gone_at:
        raise NoSuchEndpoint(404)
    if await core.records.marked("status-list", name.mark) != nonce:
        raise NoSuchEndpoint(404)
    return name


def _length(core: Core) -> int:
    """The seconds within which the tokens of one list expire."""
    return max(60, int(core.config.access_token_lifetime))


def _end_of(core: Core, expires_at: float) -> int:
    length = _length(core)
    return (int(expires_at) // length + 1) * length


def _made_anew_after(core: Core) -> float:
    """Seconds. A list that is asked for more often is not made more often, so nobody can keep this server busy."""
    return max(1.0, (core.config.status_list_ttl or 0.0) / 10)


def _uri(core: Core, name: ListName) -> str:
    return core.endpoint(f"{ENDPOINT}/{name}")


def _entry_key(name: ListName, idx: int) -> str:
    return f"{name}/{idx}"
