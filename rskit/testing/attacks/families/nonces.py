"""DPoP proofs without a valid nonce, at a server that issues nonces.

Spec: RFC 9449 4.3-10, 9, 11.3 (RS-2)
Role: RS
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Answer
from rskit.testing.attacks.attack import REFUSALS, Came, Step
from rskit.testing.attacks.declared import Family, Maker, Row, needs_proofs, proof, story
from rskit.testing.attacks.families.lifetimes import STANDING_CLOCK
from rskit.testing.attacks.forger import Forger


def needs_nonces(forger: Forger) -> NotLookedAt | None:
    if not forger.bound:
        return needs_proofs(forger)
    if forger.nonce is not None:
        return None
    return NO_NONCES if forger.tells_answers else NONCES_UNSEEN


NO_NONCES: Final = NotLookedAt(
    "nonces", "this API issues none", "a server that requires them, such as ResourceServer(nonces=True)"
)
NONCES_UNSEEN: Final = NotLookedAt(
    "nonces", "send returns only the status, so no DPoP-Nonce is seen", "let send return the response"
)


def _nonce(value: Any) -> Maker:
    return proof(claims={"nonce": value})


def _old_nonce(forger: Forger) -> Generator[Step, Answer, Came]:
    nonce, advance = forger.nonce, forger.reach.advance
    if advance is None:
        return STANDING_CLOCK
    advance(3600)
    token = forger.token()
    later = yield forger.step(forger.headers(token, forger.proof(token, claims={"nonce": nonce})))
    return None if later.status in REFUSALS else str(later.status)


NONCES: Final = Family(
    "nonces that this server did not give",
    means="Proofs that an attacker made in advance, while he could use the key, work later.",
    clause="RFC 9449 11.3",
    remedy="If the server issues nonces, refuse every proof without a current one.",
    rows=(
        Row("a proof without a nonce", "a proof without the nonce that this server gave", _nonce(None)),
        Row(
            "a proof with a made-up nonce",
            "a proof with a nonce that nobody gave",
            _nonce("made-up"),
            clause="RFC 9449 4.3-10",
        ),
        Row(
            "a proof with an empty nonce", "a proof with an empty nonce", _nonce(""), clause="RFC 9449 4.3-10"
        ),
        Row(
            "a proof with nonces in a list",
            "a proof whose nonce is a list",
            _nonce(lambda forger: [forger.nonce]),
            clause="RFC 9449 4.3-10",
        ),
        Row(
            "a proof with a longer nonce",
            "a proof whose nonce has letters behind it",
            _nonce(lambda forger: f"{forger.nonce}AAAA"),
            clause="RFC 9449 4.3-10",
        ),
        Row(
            "a proof with a nonce of an hour ago",
            "a proof with a nonce that this server gave an hour ago",
            lambda forger: STANDING_CLOCK if forger.reach.advance is None else story(_old_nonce)(forger),
            clause="RFC 9449 4.3-10",
        ),
    ),
    needs=needs_nonces,
)

FAMILIES: Final = (NONCES,)
