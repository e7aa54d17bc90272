"""A request that the user decides on another device: what was asked for, and what a process needs to wait for it.

`DeviceAuthorization` is one. A subclass adds what its own response has, names its grant, and gives `redeem`, which is
one poll. It inherits `seal` and `open`, so another process can go on with the request.

Spec: RFC 8628 3.2a, 3.4; CIBA 7.3b; RFC 9700 4.9.3
Role: C
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, TypeAlias

from fapikit import strict_json
from fapikit.errors import SealBroken
from fapikit.flow import Flow
from fapikit.io.alarm import SharedAlarm
from fapikit.secrets import Secret
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from rpkit.bank import Bank
from rpkit.decoupled.polling import Pause
from rpkit.login.id_token import IdToken
from rpkit.login.report import LoginReport
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.token_endpoint import TokenResponse

SCHEMA: Final = 1
Poll: TypeAlias = Callable[[Pause | None], Flow[TokenResponse]]
"""Polls until the user has decided, with pauses of the request's own (see `polling`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoupledRequest:
    """A request that waits for a decision. Its repr has no secrets. `to_bytes` has them and is for sealing only.

    `reference`: the secret that is polled with (`device_code`, `auth_req_id`). `interval`: in seconds. `expires_at`:
    the end, as a Unix time. `clause`: of the errors that end the wait. It is an `Asked`.
    """

    seal_context: ClassVar[str]
    clause: ClassVar[str]

    issuer: str
    client_id: str
    reference: Secret
    dpop: DPoPKey | None
    scope: str
    resources: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    acr_values: tuple[str, ...]
    max_age: int | None
    claims: Mapping[str, Any] | None = field(repr=False)
    nonce: Secret | None = None
    request_object: Secret | None = None
    interval: float
    expires_at: float
    grant_management_action: str | None = None
    grant_id: str | None = None
    cancelled: SharedAlarm = field(default_factory=SharedAlarm, init=False, repr=False, compare=False)

    def redeem(self, bank: Bank, resource: str | None) -> Flow[TokenResponse]:
        """Poll once: the tokens, or the errors of `request_tokens`."""
        raise NotImplementedError

    def obtain(self, bank: Bank, poll: Poll) -> Flow[TokenResponse]:  # noqa: ARG002 - for subclasses
        """The tokens, when the user has decided. They are polled for, unless a subclass has another way."""
        return poll(None)

    def verify(self, response: TokenResponse, id_token: IdToken | None, report: LoginReport) -> None:
        """The checks that only requests of this kind have, after those of every login."""

    @property
    def answer_kept(self) -> float:
        """In seconds: for how long after its end this request can still be answered from the store."""
        return 0.0

    def cancel(self) -> None:
        """End every wait for this object, now and later, with WaitCancelled. It may be called in any thread.

        The server is not told: there is no message for that. So another process can still go on with a sealed copy.
        """
        self.cancelled.ring()

    @property
    def id(self) -> str:
        """The name of this request, for its mark in the store. It does not reveal `reference`.

        Another server may give out the same `reference`, by chance or on purpose. It names another request.
        """
        named = strict_json.dump({"of": [self.issuer, self.client_id, self.reference.reveal()]})
        return hashlib.sha256(b"rpkit request\0" + named).hexdigest()[:32]

    def own_members(self) -> dict[str, Any]:
        """What a subclass adds to the sealed octets, as JSON. `read_own_members` is the reverse."""
        return {}

    @classmethod
    def read_own_members(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a subclass adds, from what `own_members` returned. Raises KeyError, TypeError."""
        return dict(members)

    def to_bytes(self) -> bytes:
        """The octets to seal. They have secrets in clear."""
        return strict_json.dump(
            {
                "v": SCHEMA,
                "own": self.own_members(),
                "issuer": self.issuer,
                "client_id": self.client_id,
                "reference": self.reference.reveal(),
                "dpop": None if self.dpop is None else self.dpop.to_json(),
                "scope": self.scope,
                "resources": list(self.resources),
                "authorization_details": list(self.authorization_details),
                "acr_values": list(self.acr_values),
                "max_age": self.max_age,
                "claims": self.claims,
                "nonce": None if self.nonce is None else self.nonce.reveal(),
                "request_object": None if self.request_object is None else self.request_object.reveal(),
                "interval": self.interval,
                "expires_at": self.expires_at,
                "grant_management_action": self.grant_management_action,
                "grant_id": self.grant_id,
            }
        )

    @classmethod
    @forgets_locals
    def from_bytes(cls, octets: bytes) -> Self:
        """Raises SealBroken for anything that `to_bytes` of this schema did not make."""
        try:
            members = dict(strict_json.parse_object(octets))
            if members.pop("v") != SCHEMA:
                raise SealBroken("another version of rpkit wrote this request: begin a new one")
            for name in ("reference", "nonce", "request_object"):
                members[name] = None if members[name] is None else Secret(members[name])
            for name in ("resources", "authorization_details", "acr_values"):
                members[name] = tuple(members[name])
            members["dpop"] = DPoPKey.from_json(members["dpop"])
            own = cls.read_own_members(members.pop("own"))
            return cls(**members, **own)
        except (ValueError, KeyError, TypeError) as error:
            raise SealBroken("these octets are not a request of this kind: begin a new one") from error

    def seal(self, seal: Seal) -> str:
        """The request as encrypted and authenticated text, for a file or a database."""
        return seal.seal_text(self.to_bytes(), self.seal_context)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Self:
        """Raises SealBroken."""
        return cls.from_bytes(seal.open_text(sealed, cls.seal_context))
