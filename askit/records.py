"""What this server must not forget: the types of its records. `record_store` keeps them.

A secret (code, token, request URI, session) is never used as a key; its SHA-256 is. A record is written once and never
changed, except that of a registered client and the time of a grant's last use. That something is used up is a mark of
its own, written with `add`, so exactly one of many callers succeeds.

    request  a pushed authorization request, by its request URI; a waiting one (a device, CIBA), by its page's URI
             request-opened, request-used               its marks, also of a request inside its URI (`request_uris`)
             request-granted, request-redeemed, polls   of a waiting one: its grant, its single use, its polling clock
             pending                                    the undecided ones (CIBA) of a user, by the user name
    notice   what a client is told when a waiting request is decided (CIBA: ping, push), by the request's URI
             notices-due                                which clients are still to be told: a few lists per issuer
             authentication-request                     a replay mark: the jti of a signed request
    user-code   the waiting request of a user code, by a pseudonym of the code
    code     an authorization code                      code-used                      its mark
    intent   what a client lodged before it asks a user, by its id
             intent-key  which one, by client, type and idempotency key
    grant    what a user granted, by its id: codes and tokens of it are valid only while it exists
             grant-use                                  when it was last used, for the page of grants
    refresh  a refresh token and all its successors
    token    an access token, by the token              assertion, grant-assertion, dpop   replay marks
    id-token the grant of an ID token that can be exchanged, by its `jti`
    session  a signed-in browser, by its cookie
    login-failures   wrong passwords and user codes, in a table of limited size
    login-known      the addresses of a user
    session-clients  the clients to notify of its end, by its session_id
    client   a self-registered client                   registration                   the digest of its token
    registered, registered-from   the ids of all these clients, and of those from one address
    registrations-changed         the last changes of them, for the other processes
    event-stream     that of a receiver of Shared Signals, by its client_id
             events  those that it has not acknowledged: numbered entries, by the stream_id; and who caused them
    keys     this server's signing keys                 secret       for nonces, form tokens and sealed requests

Spec: RFC 6749 10.5, 4.1.2; RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeAlias, TypeVar

from askit.record_fields import read_record, reading
from askit.shares import Owner
from fapikit import strict_json

R = TypeVar("R", bound="Record")
Owners: TypeAlias = Iterable[Owner]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base class of what is stored as one JSON object."""

    def members(self) -> dict[str, Any]:
        """The fields that differ from their default. The others are not stored."""
        values = ((entry, getattr(self, entry.name)) for entry in fields(self))
        return {entry.name: value for entry, value in values if value != _default(entry)}

    def dump(self) -> bytes:
        return strict_json.dump(self.members())


def _default(entry: Field[Any]) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest(Record):
    """A validated authorization request that waits for its user: what every kind of it has."""

    client_id: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float
    nonce: str | None = None
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
    grant_management_action: str | None = None
    grant_id: str | None = None
    intent_id: str | None = None
    intent_scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Record):
    """What a client has lodged: the `body` as it came. The user may agree until `decide_by`; it ends at `ends_at`.

    `state`: as stored; see `askit.intents.life` for what time and the user make of it. `grant_id`: what the user
    granted.
    """

    intent_id: str
    client_id: str
    type: str
    body: Mapping[str, Any] = field(repr=False)
    state: str
    created_at: float
    changed_at: float
    decide_by: float
    ends_at: float
    grant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest(AuthorizationRequest):
    """A request that a browser brings. It is answered by an authorization response to the redirect URI."""

    redirect_uri: str
    response_mode: str
    state: str | None = None
    code_challenge: str | None = None
    response_type: str = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRequest(AuthorizationRequest):
    """A request that nobody redirects (a device, CIBA). Its client polls; see `askit.decoupled`.

    `grant_type`: the grant that redeems it. `interval`: the least seconds between two polls, at first.
    `x5t`: the certificate that must redeem it, as `dpop_jkt` is the key that must. `user_code`: what a device shows.
    `address`: where the request came from, for the user to recognise. `binding_message`: what both devices show (CIBA).
    `delivery_mode`: how its client hears of the decision, `poll`, `ping` or `push`.
    """

    grant_type: str
    interval: float
    x5t: str | None = None
    user_code: str = ""
    address: str = ""
    binding_message: str = ""
    delivery_mode: str = "poll"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRequests(Record):
    """The waiting requests that name one user: by the URI of each, its client and its end."""

    requests: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedRequest(Record):
    """The grant of a waiting request that the user approved. It can be fetched until `expires_at`."""

    client_id: str
    grant_id: str
    expires_at: float
    grant_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Record):
    """What a ping or push client is told when the user has decided, and the bearer token that it is told with."""

    auth_req_id: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesDue(Record):
    """The decided requests whose clients are still to be told: by the URI of each, when the notice is overdue, how
    often it was claimed since, and when the request is forgotten.
    """

    notices: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingClock(Record):
    """When a waiting request was last polled, and how long its client must now wait between two polls."""

    last: float
    interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Record):
    """What one user granted one client: at one decision or, if the client manages it, at several.

    `intent_id`: the lodged intent that it is about. `intent_scope`: the scope that named that intent.

    `managed`: its client was given the `grant_id`. `version`: how often it was merged or replaced, last at
    `updated_at`. What was issued to redeem or refresh another version is no longer valid.
    """

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
    managed: bool = False
    version: int = 0
    updated_at: float = 0.0
    intent_id: str | None = None
    intent_scope: str | None = None

    @property
    def decision(self) -> str:
        """Names this version of the grant: its place in the user's list, and what an ID token stands for."""
        return f"{self.grant_id}~{self.version}" if self.version else self.grant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantUse(Record):
    """When a token of a grant was last issued or introspected, to the minute."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Record):
    """An authorization code. It is redeemed once."""

    client_id: str
    grant_id: str
    redirect_uri: str
    expires_at: float
    code_challenge: str | None = None
    dpop_jkt: str | None = None
    nonce: str | None = None
    grant_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFamily(Record):
    """A refresh token and its successors, by number.

    `jkt`, `x5t`: the key and the certificate of a public client, which it must prove to use them.

    `current`: the valid number. `used`: the number before it, used at `used_at`. `forgiven`: its reuse was forgiven.
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
    grant_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken(Record):
    """`scopes`: all scopes in it, those of UserInfo included. `audience`: the one API it is for.

    `username`: the user of a token without a grant. `act`: who acts for the subject. `may_act`: who may.
    """

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
    username: str | None = None
    act: Mapping[str, Any] | None = None
    may_act: Mapping[str, Any] | None = None
    grant_version: int = 0
    session_id: str = ""
    intent_scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry(Record):
    """Whose an entry of a status list is: the digest of the token, and what it needs to be valid."""

    token: str
    client_id: str
    audience: str
    expires_at: int
    grant_id: str | None = None
    username: str | None = None
    grant_version: int = 0

    @property
    def parties(self) -> tuple[str, str, str | None, str | None]:
        """The arguments of `find_parties`."""
        return self.client_id, self.audience, self.grant_id, self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Record):
    """A signed-in browser. `fresh_for`: the request that this sign-in was for. `session_id`: the `sid` of ID tokens."""

    username: str
    auth_time: int
    acr: str
    expires_at: float
    fresh_for: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys(Record):
    """The private keys of one algorithm. `since`: when `current` began to sign. `retired` have `jwk` and `until`."""

    current: Mapping[str, Any] = field(repr=False)
    since: float
    next: Mapping[str, Any] = field(repr=False)
    retired: tuple[Mapping[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Record):
    """What a user last agreed to for one client."""

    scopes: tuple[str, ...]
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClients(Record):
    """The clients to notify of a session's end."""

    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names(Record):
    """A list of limited length."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters(Record):
    """Counters by name: the count, and the end of each."""

    counts: Mapping[str, Any] = field(default_factory=dict)


def digest(secret: str) -> str:
    """The SHA-256 that is used instead of a secret in keys and comparisons."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read_stored(kind: str, record: type[R], octets: bytes) -> R:
    """A record as it was stored. Raises UnreadableRecord, which is a StoreError."""
    with reading(kind):
        return read_record(record, octets)
