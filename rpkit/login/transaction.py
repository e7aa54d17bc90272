"""What must be remembered between sending the browser away and its return; it lives in the browser, sealed.

A transaction belongs to one browser (the sealed cookie), one server, one redirect URI, and to one answer: the first
answer leaves a mark in the store, so that a flood of abandoned logins fills nothing.

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
HOSTS_DIFFER: Final = 5.0
"""How many seconds the clocks of this client's own hosts may be apart."""
SEAL_CONTEXT: Final = "rpkit.login.transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One login under way. Its repr shows nothing secret; `to_bytes` does and is for sealing only.

    `target`: where at our own site the user is to be after it, if whoever began it said so.
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

    @property
    def id(self) -> str:
        """Names this transaction's cookie and its used-mark; tells nothing about `state`."""
        return transaction_id(self.state.reveal())

    @property
    def hybrid(self) -> bool:
        return self.response_type == HYBRID

    @property
    def effective_response_mode(self) -> str:
        """The response mode that the answer must come in."""
        return self.response_mode or ("fragment" if self.hybrid else "query")

    def to_bytes(self) -> bytes:
        """For sealing: it holds secrets in clear."""
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
            }
        )

    @classmethod
    @forgets_locals
    def from_bytes(cls, octets: bytes) -> Transaction:
        """Raises SealBroken for anything that `to_bytes` of this schema did not make."""
        try:
            members = strict_json.parse_object(octets)
            if members["v"] != SCHEMA:
                raise SealBroken("this transaction was written by another version")
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
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SealBroken("this is not a transaction") from error

    def seal(self, seal: Seal) -> str:
        """Encrypted and authenticated, fit for a cookie."""
        return seal.seal_text(self.to_bytes(), SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Transaction:
        """Raises SealBroken."""
        return cls.from_bytes(seal.open_text(sealed, SEAL_CONTEXT))


def transaction_id(state: str) -> str:
    return hashlib.sha256(b"rpkit transaction\0" + state.encode()).hexdigest()[:32]


def require_own(bank: Bank, transaction: Transaction) -> None:
    """It was begun by this client at this server, and lives. Raises ForeignTransaction, TransactionExpired."""
    # The redirect URI is compared with where the answer came (callback), for a client may have several.
    for name, own, other in (
        ("issuer", bank.issuer, transaction.issuer),
        ("client_id", bank.settings.client_id, transaction.client_id),
    ):
        if own != other:
            raise ForeignTransaction(
                f"this transaction has another {name}", facts={"expected": own, "got": other}
            )
    if bank.now() >= transaction.expires_at:
        raise TransactionExpired(
            "this login took too long", facts={"seconds_ago": int(bank.now() - transaction.expires_at)}
        )


def use_once(bank: Bank, transaction: Transaction) -> Flow[None]:
    """Mark the transaction as answered. Raises TransactionUsed; StoreError if that cannot be known."""
    ttl = max(transaction.expires_at - bank.now(), 1.0)
    begun = transaction.expires_at - bank.settings.transaction_ttl
    first = yield from store_add(
        bank.settings.store, f"rp:used:{transaction.id}", b"1", ttl, since=begun - HOSTS_DIFFER
    )
    if not first:
        raise TransactionUsed("this login has been answered before")
