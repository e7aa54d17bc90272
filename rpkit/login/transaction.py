"""The state of a login between the redirect to the server and the return of the browser. The browser keeps it, sealed.

A transaction belongs to one browser (by the sealed cookie), one server, one redirect URI, and one response. The first
response writes a mark into the store. A login that is never completed writes nothing, so abandoned logins do not fill
the store.

Spec: RFC 9700 2.1c, 2.1d, 4.2.4, 4.7; FAPI2-SP 5.3.3.2-4; FAPI1-BL 5.2.3-4
Role: C
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fapikit import strict_json
from fapikit.errors import SealBroken
from fapikit.flow import Flow, store_add
from fapikit.secrets import Secret
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from rpkit.bank import Bank
from rpkit.errors import ForeignTransaction, TransactionExpired, TransactionUsed
from rpkit.settings import HYBRID
from rpkit.tokens.dpop_key import DPoPKey

SCHEMA: Final = 2
HOST_CLOCK_SKEW: Final = 5.0
"""In seconds: how far the clocks of the hosts of this client may differ."""
SEAL_CONTEXT: Final = "rpkit.login.transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One login that is not completed. Its repr has no secrets. `to_bytes` has them and is for sealing only.

    `target`: the page of this site to show after the login, if another site initiated the login and named one.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str | None
    state: Secret
    nonce: Secret | None
    verifier: Secret
    dpop: DPoPKey | None
    scope: str
    resources: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...] = field(repr=False)
    acr_values: tuple[str, ...]
    max_age: int | None
    claims: Mapping[str, Any] | None = field(repr=False)
    request_object: Secret | None
    expires_at: float
    target: str | None = None
    grant_management_action: str | None = None
    grant_id: str | None = None

    @property
    def id(self) -> str:
        """The name of this transaction, for its cookie and for its mark in the store. It does not reveal `state`."""
        return transaction_id(self.state.reveal())

    @property
    def hybrid(self) -> bool:
        return self.response_type == HYBRID

    @property
    def effective_response_mode(self) -> str:
        """The response mode that the response must have."""
        return self.response_mode or ("fragment" if self.hybrid else "query")

    def to_bytes(self) -> bytes:
        """The octets to seal. They have secrets in clear."""
        return strict_json.dump(
            {
                "v": SCHEMA,
                "issuer": self.issuer,
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "response_type": self.response_type,
                "response_mode": self.response_mode,
                "state": self.state.reveal(),
                "nonce": None if self.nonce is None else self.nonce.reveal(),
                "verifier": self.verifier.reveal(),
                "dpop": None if self.dpop is None else self.dpop.to_json(),
                "scope": self.scope,
                "resources": list(self.resources),
                "authorization_details": list(self.authorization_details),
                "acr_values": list(self.acr_values),
                "max_age": self.max_age,
                "claims": self.claims,
                "request_object": None if self.request_object is None else self.request_object.reveal(),
                "expires_at": self.expires_at,
                "target": self.target,
                "grant_management_action": self.grant_management_action,
                "grant_id": self.grant_id,
            }
        )

    @classmethod
    @forgets_locals
    def from_bytes(cls, octets: bytes) -> Transaction:
        """Raises SealBroken for anything that `to_bytes` of this schema did not make."""
        try:
            members = strict_json.parse_object(octets)
            if members["v"] != SCHEMA:
                raise SealBroken("another version of rpkit wrote this transaction: sign in again")
            return cls(
                issuer=members["issuer"],
                client_id=members["client_id"],
                redirect_uri=members["redirect_uri"],
                response_type=members["response_type"],
                response_mode=members["response_mode"],
                state=Secret(members["state"]),
                nonce=None if members["nonce"] is None else Secret(members["nonce"]),
                verifier=Secret(members["verifier"]),
                dpop=DPoPKey.from_json(members["dpop"]),
                scope=members["scope"],
                resources=tuple(members["resources"]),
                authorization_details=tuple(members["authorization_details"]),
                acr_values=tuple(members["acr_values"]),
                max_age=members["max_age"],
                claims=members["claims"],
                request_object=None
                if members["request_object"] is None
                else Secret(members["request_object"]),
                expires_at=members["expires_at"],
                target=members["target"],
                grant_management_action=members.get("grant_management_action"),
                grant_id=members.get("grant_id"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SealBroken("these octets are not a transaction: sign in again") from error

    def seal(self, seal: Seal) -> str:
        """The transaction as encrypted and authenticated text, for a cookie."""
        return seal.seal_text(self.to_bytes(), SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Transaction:
        """Raises SealBroken."""
        return cls.from_bytes(seal.open_text(sealed, SEAL_CONTEXT))


def transaction_id(state: str) -> str:
    return hashlib.sha256(b"rpkit transaction\0" + state.encode()).hexdigest()[:32]


def require_own(bank: Bank, transaction: Transaction) -> None:
    """Raises ForeignTransaction for a transaction of another client or server; TransactionExpired for an old one."""
    # `callback` compares the redirect URI with the URL of the response, because a client may have several.
    for name, own, other in (
        ("issuer", bank.issuer, transaction.issuer),
        ("client_id", bank.settings.client_id, transaction.client_id),
    ):
        if own != other:
            raise ForeignTransaction(
                f"this transaction has another {name} than this client: complete it with the client that began it",
                facts={"expected": own, "got": other},
            )
    if bank.now() >= transaction.expires_at:
        raise TransactionExpired(
            "this login took longer than transaction_ttl: sign in again",
            facts={"seconds_ago": int(bank.now() - transaction.expires_at)},
        )


def use_once(bank: Bank, transaction: Transaction) -> Flow[None]:
    """Mark the transaction as used. Raises TransactionUsed if it was; StoreError if the store cannot tell."""
    ttl = max(transaction.expires_at - bank.now(), 1.0)
    begun = transaction.expires_at - bank.settings.transaction_ttl
    first = yield from store_add(
        bank.settings.store, f"rp:used:{transaction.id}", b"1", ttl, since=begun - HOST_CLOCK_SKEW
    )
    if not first:
        raise TransactionUsed("a response to this login was accepted before")
