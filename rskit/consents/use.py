"""Using a consent once: the call that the middlewares offer to route handlers.

It uses the details that `Access(details=...)` has compared, chooses one consent that covers them, and executes it once.

Spec: FAPI2-SP 5.3.4-4; RFC 9396 9; Idempotency-Key 2.4
Role: RS
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from rskit.consents.attempt import Attempt, Consent
from rskit.consents.details_type import DetailsType
from rskit.consents.idempotency_key import read_idempotency_key
from rskit.consents.ledger import Execute
from rskit.consents.marks import digest
from rskit.errors import InsufficientDetails
from rskit.policy.checked_request import CheckedRequest, Compared
from rskit.policy.details_comparison import NeededDetail
from rskit.tokens.token import Token

_GRACE: Final = 86_400.0
"""A mark is kept a day longer than its consent, because clocks differ."""
_LONGEST: Final = 100 * 365 * 86_400.0


def use_consent(checked: CheckedRequest, execute: Execute) -> Flow[Any]:
    """Execute what the request needs, once for one consent. Returns the outcome; a retry gets the same one.

    Raises UnusableIdempotencyKey, IdempotencyKeyReused, ConsentInUse, ConsentUsed, InsufficientDetails, OutcomeUnknown,
    ConfigurationError, StoreError; and what `execute` raises.
    """
    server, token = checked.server, checked.require_token()
    ledger = server.consents
    if ledger is None:
        raise ConfigurationError(
            "use_consent needs ResourceServer(consents=ConsentLedger(...)): set consents="
        )
    compared = checked.compared
    needed, kind = _what_is_executed(compared)
    key = read_idempotency_key(ledger.idempotency_key, compared.header(ledger.idempotency_key))
    granted = [detail for detail in token.covering(needed) if _is_for(server.resource, detail)]
    consents = _consents(token, granted, needed, kind, server.clock(), ledger.unknown_end)
    yield from ledger.check()
    attempt = Attempt(
        ledger,
        needed,
        holder=digest(token.issuer, token.client_id or "", token.subject or "", server.resource, key),
        fingerprint=digest(kind.type, json.dumps(kind.canonical(needed))),
        clock=server.clock,
        random_bytes=server.random_bytes,
    )
    return (yield from attempt.use_one(consents, execute))


def _what_is_executed(compared: Compared) -> tuple[NeededDetail, DetailsType]:
    """The one detail that the route has compared, and its type.

    Raises ConfigurationError if there is no such detail.
    """
    if len(compared.details) != 1:
        raise ConfigurationError(
            "use_consent executes one authorization detail: put Access(details=...) on its route, returning one detail",
            facts={"details": len(compared.details)},
        )
    needed = compared.details[0]
    if not isinstance(needed, NeededDetail) or not isinstance(needed.comparison, DetailsType):
        raise ConfigurationError(
            "use_consent must know all members that are executed: let details= return DetailsType(...).needed(...)"
        )
    return needed, needed.comparison


def _is_for(resource: str, detail: Mapping[str, Any]) -> bool:
    """Whether a granted detail is for this API. A detail without `locations` is for all (RFC 9396 2.2)."""
    locations = detail.get("locations", (resource,))
    return isinstance(locations, list | tuple) and resource in locations


def _consents(
    token: Token,
    granted: Iterable[Mapping[str, Any]],
    needed: NeededDetail,
    kind: DetailsType,
    now: float,
    unknown_end: float,
) -> tuple[Consent, ...]:
    """The consents to these details that have not ended yet. Raises InsufficientDetails, ConfigurationError."""
    found: dict[str, Consent] = {}
    why = "no granted authorization detail covers this request"
    for detail in granted:
        consent_id, end = kind.consent_of(detail), kind.end_of(detail)
        if consent_id is None:
            raise ConfigurationError(
                f"a granted authorization detail of type {kind.type} has no {kind.consent_id}, and without an id it "
                "cannot be used up: let the authorization server give each consent one, or set consent_id="
            )
        if end is not None and end <= now:
            why = "the consent that covers this request has ended"
            continue
        keep = max(now + unknown_end if end is None else end, token.expires_at or 0.0) + _GRACE
        name = digest(token.issuer, consent_id)
        found[name] = Consent(name, min(keep, now + _LONGEST))
    if not found:
        raise InsufficientDetails(why, needed=(needed,), facts={"type": kind.type, "token": token.name})
    return tuple(found.values())
