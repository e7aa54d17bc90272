"""The status lists of an issuer: which of its JWTs have ended early, without a call for each request.

A list is fetched once for all its tokens, and again before its `ttl` has passed: in the background after 80 % of that
time. So a request waits for a fetch only if the list is new here, or if no request came for so long. If a list cannot
be fetched, its tokens are undecided (503), or `StatusLists.stale` says for how long the last list still counts. A list
is never used after its `exp`.

Spec: TSL 5.1, 6.2, 7.1, 8.1, 8.2, 8.3, 11.4, 11.5; FAPI2-SP 5.3.4-3
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fapikit.clock import Clock
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    MalformedClaim,
    TransportError,
    Unreachable,
    UnusableAnswer,
    WrongSubject,
)
from fapikit.flow import Flow, background, http, shared
from fapikit.http_message import HttpRequest, read_refusal
from fapikit.jose.claims import Expected, check_issuer
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import STATUS_LIST
from fapikit.jose.verify import verify_jwt
from fapikit.jwks import RemoteKeySet
from fapikit.setting_types import check_text_settings
from fapikit.status_list import MEDIA_TYPE, VALID, StatusList, StatusReference
from fapikit.urls import has_origin, is_secure, origin_of
from rskit.errors import RevokedToken, UnknownStatus
from rskit.issuers.cool_down import CoolDown
from rskit.issuers.held_lists import HeldLists

REFRESH_AHEAD: Final = 0.8
LEAST_FRESH: Final = 1.0
"""Seconds. A list is not fetched more often, however short its `ttl` is."""
PAUSE: Final = 5.0
"""Seconds between two tries to refresh a list that still counts."""
_MAX_BYTES: Final = STATUS_LIST.max_octets
_MOST_LISTS: Final = 256
_NAMES: Final = {1: "INVALID", 2: "SUSPENDED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLists:
    """Read the status lists of an issuer. Times are seconds.

    `fresh`: the longest time without a new fetch, whatever the `ttl` of a list is. `stale`: how much longer the last
    list counts if it cannot be fetched; 0: not at all, then its tokens get 503. `required`: refuse a JWT without an
    entry; False is for the time in which an issuer begins to write them. `origins`: where lists may be besides the
    origin of the issuer, such as `https://status.bank.example`.
    """

    fresh: float = 300.0
    stale: float = 0.0
    required: bool = True
    origins: Collection[str] = ()
    timeout: float = 5.0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if not (1 <= self.fresh <= 86_400 and 0 <= self.stale <= 86_400 and 0 < self.timeout <= 30):
            raise ConfigurationError(
                f"StatusLists(fresh={self.fresh}, stale={self.stale}, timeout={self.timeout}): fresh= must be 1 to "
                "86400 s, stale= 0 to 86400 s, timeout= at most 30 s",
                clause="TSL 11.5",
            )
        if not all(is_secure(each) and has_origin(each, each) for each in self.origins):
            raise ConfigurationError(
                f"StatusLists(origins={self.origins!r}): it must be several origins such as ('https://host',)",
                clause="TSL 8.1",
            )


class ListedBy(NamedTuple):
    """Who signs the lists, and how they are verified."""

    url: str
    keys: Callable[[], Flow[KeySet | RemoteKeySet]]
    algorithms: Collection[str]
    skew: float
    clock: Clock


class RemoteStatusList:
    """One list. `packed`: the bits of each status and the octets, as they were last read. From `asked_at` until
    `calm_until` they may be used without a look at anything else. `version`: another object after each reading, so that
    who remembers what was read last keeps no octets.
    """

    __slots__ = (
        "_by", "_cool_down", "_fresh_until", "_held", "_issued_at", "_list", "_settings", "_usable_until", "_work",
        "asked_at", "calm_until", "packed", "uri", "version",
    )  # fmt: skip

    def __init__(self, uri: str, settings: StatusLists, by: ListedBy, held: HeldLists) -> None:
        self.uri = uri
        self._held = held
        self._settings = settings
        self._by = by
        self._cool_down = CoolDown(by.clock)
        self._work = ("rs-status-list", uri, id(self))
        self._list: StatusList | None = None
        self.packed = (1, b"")
        self.version = object()
        self.asked_at = self.calm_until = self._fresh_until = self._usable_until = float("-inf")
        self._issued_at = float("-inf")

    def current(self, *, fresh: bool) -> Flow[StatusList]:
        """The list; fetched if it is due, and in any case if `fresh`. Raises TransportError."""
        now = self._by.clock()
        known = self._list
        if known is not None and not fresh and self.asked_at <= now < self._fresh_until:
            if now >= self.calm_until:
                self.calm_until = min(self._fresh_until, now + PAUSE)
                yield from background(self._work, self._fetch)
            return self._list or known
        try:
            return (yield from shared(self._work, self._fetch, deadline=2 * self._settings.timeout + 12))
        except TransportError:
            now = self._by.clock()
            if fresh or known is None or not self.asked_at <= now < self._usable_until:
                raise
            self.calm_until = min(self._usable_until, now + PAUSE)
            return self._list or known

    def _fetch(self) -> Flow[StatusList]:
        self._cool_down.require()
        asked_at = self._by.clock()
        try:
            claims, found = yield from self._ask()
            self._accept(claims, found, asked_at)
        except TransportError as error:
            self._cool_down.failed(error)
            raise
        except FapiError as error:
            # The answer is not a list of this issuer. So the token is neither valid nor revoked: it is undecided.
            unusable = UnusableAnswer(
                f"the status list cannot be used: {error.message}",
                clause=error.clause,
                facts={**error.facts, "list": self.uri},
            )
            self._cool_down.failed(unusable)
            raise unusable from error
        self._cool_down.answered()
        return found

    def _ask(self) -> Flow[tuple[Mapping[str, Any], StatusList]]:
        request = HttpRequest(
            "GET",
            self.uri,
            (("accept", MEDIA_TYPE), ("cache-control", "no-cache")),
            timeout=self._settings.timeout,
            max_bytes=_MAX_BYTES,
        )
        response = yield from http(request)
        if not response.success:
            raise read_refusal(response, clause="TSL 8.2")
        keys = yield from self._by.keys()
        verified = yield from verify_jwt(
            response.body.decode("ascii", "replace").strip(),
            STATUS_LIST,
            keys=keys,
            algorithms=self._by.algorithms,
            expected=Expected(issuer=None, audience=(), now=self._by.clock(), skew=self._by.skew),
        )
        claims = verified.claims
        if claims["sub"] != self.uri:
            raise STATUS_LIST.fail(WrongSubject, "sub of this status list is another URI", about="sub")
        if claims.get("iss") is not None:
            check_issuer(claims, STATUS_LIST, self._by.url)
        return claims, StatusList.read(claims["status_list"])

    def _accept(self, claims: Mapping[str, Any], found: StatusList, asked_at: float) -> None:
        """Keep what was read, unless it is older than what is known. Raises MalformedClaim."""
        ttl = claims.get("ttl")
        if ttl is not None and (type(ttl) not in (int, float) or not ttl > 0):
            raise STATUS_LIST.fail(
                MalformedClaim, "ttl of a status list must be a positive number", clause="TSL 5.1"
            )
        if claims["iat"] < self._issued_at:
            raise STATUS_LIST.fail(
                MalformedClaim, "this status list is older than the one before", about="iat"
            )
        fresh = self._settings.fresh if ttl is None else min(ttl, self._settings.fresh)
        fresh = max(fresh, LEAST_FRESH)
        ends = claims["exp"] + self._by.skew if "exp" in claims else float("inf")
        self._issued_at, self.asked_at = claims["iat"], asked_at
        self._list, self.packed = found, (found.bits, found.octets)
        self.version = object()  # after `packed`: whoever sees the new version sees what it names
        self._fresh_until = min(asked_at + fresh, ends)
        self._usable_until = min(asked_at + fresh + self._settings.stale, ends)
        self.calm_until = min(asked_at + fresh * REFRESH_AHEAD, ends)
        self._held.read(self, len(found.octets))

    def require_reachable(self) -> Flow[None]:
        """Try again if there was no answer. Raises Unreachable; any other answer concerns the tokens of this list."""
        if isinstance(self._cool_down.failure, Unreachable):
            with suppress(UnusableAnswer):
                yield from self.current(fresh=False)

    def forget(self) -> None:
        """Keep no octets. An older list than this one is refused nevertheless."""
        self.calm_until = self._fresh_until = self._usable_until = float("-inf")
        self._list, self.packed = None, (1, b"")
        self.version = object()


class ListEntry:
    """The entry of one token in `in_list`. `seen`: the version of the list that called it valid."""

    __slots__ = ("_index", "in_list", "seen")

    def __init__(self, index: int, in_list: RemoteStatusList) -> None:
        self._index = index
        self.in_list = in_list
        self.seen: object = None

    def is_valid(self, now: float) -> bool:
        """Whether the token stands, by a list that is at hand. False: `check` knows more."""
        known = self.in_list
        version = known.version
        bits, octets = known.packed
        at = self._index * bits
        if not known.asked_at <= now < known.calm_until or at >> 3 >= len(octets):
            return False
        if octets[at >> 3] >> (at & 7) & (1 << bits) - 1 != VALID:
            return False
        self.seen = version
        return True

    def check(self, *, fresh: bool = False) -> Flow[None]:
        """Read the list if that is due. Raises RevokedToken; MalformedStatus without such an entry; TransportError."""
        status = (yield from self.in_list.current(fresh=fresh)).status(self._index)
        if status != VALID:
            name = _NAMES.get(status, f"{status:#x}")
            raise RevokedToken(
                "the status list of its issuer says that this token is not valid",
                clause="TSL 8.3",
                facts={"status": name, "list": self.in_list.uri},
            )


class IssuerStatusLists:
    """All lists of one issuer that its tokens have named. Only tokens with a valid signature come here."""

    def __init__(self, settings: StatusLists, by: ListedBy) -> None:
        self._settings = settings
        self._by = by
        self._origins = (origin_of(by.url), *settings.origins)
        self._lists: dict[str, RemoteStatusList] = {}
        self._held = HeldLists()

    def entry_of(self, claims: Mapping[str, Any]) -> ListEntry | None:
        """The entry that a token refers to. Raises UnknownStatus, MalformedStatus."""
        reference = StatusReference.of_token(claims)
        if reference is None:
            if self._settings.required:
                raise UnknownStatus(
                    "this token has no entry in a status list, and Issuer(status_lists=) requires one",
                    clause="TSL 6.2",
                )
            return None
        known = self._lists.get(reference.uri)
        if known is None:
            known = self._new(reference.uri)
        return ListEntry(reference.idx, known)

    def require_reachable(self) -> Flow[None]:
        """Raises Unreachable if the tokens of a list are undecided, because its server does not answer."""
        for known in self._lists.values():
            yield from known.require_reachable()

    def _new(self, uri: str) -> RemoteStatusList:
        if not any(has_origin(uri, origin) for origin in self._origins):
            raise UnknownStatus(
                "the status list of this token is at an origin that is not the issuer's: name it in "
                "StatusLists(origins=) if that is right",
                clause="TSL 8.1",
                facts={"list": uri[:200], "origins": " ".join(self._origins)},
            )
        made = RemoteStatusList(uri, self._settings, self._by, self._held)
        lists = dict(self._lists)  # another thread may read the old one
        if len(lists) >= _MOST_LISTS:
            del lists[next(iter(lists))]
        lists[uri] = made
        self._lists = lists
        return made
