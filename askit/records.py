"""What this server must not forget, as typed records over the five operations of a store.

A secret (code, token, request URI, session) is never a key: its SHA-256 is. A record is written once and never
changed, save a registered client's and the time of a grant's last use. That something was used up is a mark of its
own, written with `add`, so that of many callers one wins.

    request  what an authenticated client pushed, by its request URI
             request-opened, request-used               marks on it, and on one that waits in its URI (`request_uris`)
    code     an approval to redeem, by its code         code-used                      mark on it
    grant    what a user granted, by its id: while it is there, what hangs on it lives
             grant-use                                  when it was last used, for the page of grants
    refresh  a refresh token and all its successors
    token    an access token, by the token              assertion, dpop                replay marks
    session  a signed-in browser, by its cookie
    login-failures   wrong passwords, in a bounded table login-known                   the addresses of a user
    session-clients  those to be told of its end, by its session_id
    client   a client that registered itself            registration                   the digest of its token
    registered, registered-from   the ids of all these clients, and of those from one address
    keys     this server's signing keys                 secret       behind nonces, form tokens and sealed requests

Spec: RFC 6749 10.5, 4.1.2; RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeAlias, TypeVar

from askit.errors import TooLarge
from askit.record_fields import read_record, reading
from askit.shares import Owner, Shares
from fapikit import strict_json
from fapikit.stores.identity import require_memory
from fapikit.stores.protocol import Store

R = TypeVar("R", bound="Record")
Owners: TypeAlias = Iterable[Owner]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of what is stored as one JSON object."""

    def members(self) -> dict[str, Any]:
        """The fields that differ from their default: the others take no room."""
        values = ((entry, getattr(self, entry.name)) for entry in fields(self))
        return {entry.name: value for entry, value in values if value != _default(entry)}

    def dump(self) -> bytes:
        return strict_json.dump(self.members())


def _default(entry: Field[Any]) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest(Record):
    """A validated authorization request that waits for its user."""

    client_id: str
    redirect_uri: str
    response_mode: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    resources: tuple[str, ...] = ()
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    dpop_jkt: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    prompt: tuple[str, ...] = ()
    login_hint: str | None = None
    ui_locales: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    signed: bool = False
    response_type: str = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Record):
    """What one user granted one client at one decision."""

    grant_id: str
    client_id: str
    username: str
    sub: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...]
    created_at: float
    expires_at: float
    auth_time: int
    acr: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantUse(Record):
    """When a token of a grant was last issued or introspected, to a minute."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Record):
    """An authorization code, to be redeemed once."""

    client_id: str
    grant_id: str
    redirect_uri: str
    expires_at: float
    code_challenge: str | None = None
    dpop_jkt: str | None = None
    nonce: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFamily(Record):
    """A refresh token and its successors, by number.

    `jkt`, `x5t`: the key and the certificate of a public client, which alone may use them.

    `current` is the one that is good, `used` the one that it succeeded, at `used_at`. `forgiven`: twice.
    """

    client_id: str
    grant_id: str
    expires_at: float
    jkt: str | None = None
    x5t: str | None = None
    current: int = 0
    used: int = -1
    used_at: float = 0.0
    forgiven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken(Record):
    """`scopes` are all that it carries, those of UserInfo included; `audience` is the one API it is for."""

    jti: str
    client_id: str
    sub: str
    scopes: tuple[str, ...]
    audience: str
    issued_at: int
    expires_at: int
    grant_id: str | None = None
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    jkt: str | None = None
    x5t: str | None = None
    acr: str | None = None
    auth_time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Record):
    """A signed-in browser. `fresh_for`: the request this login was asked for. `session_id`: the `sid` of ID tokens."""

    username: str
    auth_time: int
    acr: str
    expires_at: float
    fresh_for: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys(Record):
    """The keys of one algorithm, private; `since` is when `current` began to sign, `retired` hold `jwk` and `until`."""

    current: Mapping[str, Any] = field(repr=False)
    since: float
    next: Mapping[str, Any] = field(repr=False)
    retired: tuple[Mapping[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Record):
    """What a user agreed to for one client, last time."""

    scopes: tuple[str, ...]
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClients(Record):
    """The clients that are to be told of a session's end."""

    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names(Record):
    """A list whose length is bounded."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters(Record):
    """Some counters by name: how far each has counted, and when it ends."""

    counts: Mapping[str, Any] = field(default_factory=dict)


def digest(secret: str) -> str:
    """What stands for a secret in keys and comparisons."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read_stored(kind: str, record: type[R], octets: bytes) -> R:
    """A record as it was dumped. Raises UnreadableRecord, which is a StoreError."""
    with reading(kind):
        return read_record(record, octets)


class Records:
    """Typed access to a store. Everything of one issuer lies under one prefix. All raise StoreError."""

    def __init__(self, store: Store, issuer: str, shares: Shares, *, max_octets: int) -> None:
        """`max_octets`: the longest record that is kept. What is written for somebody is charged to the `shares`."""
        self.store = store
        self.shares = shares
        self._max_octets = max_octets
        self._prefix = f"as:{digest(issuer)[:12]}:"

    def key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{digest(name)}"

    async def save(self, kind: str, name: str, record: Record, ttl: float, owners: Owners = ()) -> None:
        """Raises TooLarge."""
        await self.write(kind, name, record.dump(), ttl, owners)

    async def load(self, kind: str, name: str, record: type[R]) -> R | None:
        octets = await self.read(kind, name)
        return None if octets is None else read_stored(kind, record, octets)

    async def write(self, kind: str, name: str, octets: bytes, ttl: float, owners: Owners = ()) -> None:
        """Raises TooLarge."""
        self._require_small(octets)
        key, ttl = self.key(kind, name), max(ttl, 1.0)
        await self.store.aput(key, octets, ttl)
        self.shares.charge(owners, len(key) + len(octets), ttl)

    async def read(self, kind: str, name: str) -> bytes | None:
        return await self.store.aget(self.key(kind, name))

    async def mark(
        self,
        kind: str,
        name: str,
        ttl: float,
        value: str = "1",
        *,
        owners: Owners = (),
        since: float | None = None,
    ) -> bool:
        """Whether this caller is the first; of many exactly one is.

        `since`: when what is marked was made, at the earliest; a store that forgot after that raises StoreForgot.
        """
        key, ttl = self.key(kind, name), max(ttl, 1.0)
        require_memory(self.store, since)
        first = await self.store.aadd(key, value.encode(), ttl)
        require_memory(self.store, since)  # where this was the first that was asked of the store
        if first:
            self.shares.charge(owners, len(key) + len(value), ttl)
        return first

    async def marked(self, kind: str, name: str) -> str | None:
        """The value of a mark, or None."""
        octets = await self.read(kind, name)
        with reading(kind):
            return None if octets is None else octets.decode()

    async def swap(
        self, kind: str, name: str, expected: bytes | None, new: bytes, ttl: float, owners: Owners = ()
    ) -> bool:
        """Whether `expected` was there. Raises TooLarge."""
        self._require_small(new)
        key = self.key(kind, name)
        if not await self.store.aswap(key, expected, new, ttl):
            return False
        if expected is None:
            self.shares.charge(owners, len(key) + len(new), ttl)
        return True

    async def remove(self, kind: str, name: str) -> bytes | None:
        """What was there; it is gone now, for everybody."""
        return await self.store.atake(self.key(kind, name))

    def _require_small(self, octets: bytes) -> None:
        if len(octets) > self._max_octets:
            raise TooLarge(
                "what would have to be kept of this is too long",
                facts={"octets": len(octets), "limit": self._max_octets},
            )
