"""How attacks are declared: families of rows. Each row has a name, what it sends, and a function that makes it.

Spec: FAPI2-SP 5.3.4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from fapikit.scan_report import Finding, NotLookedAt
from rskit.testing.attacks.answer import Answer, Headers
from rskit.testing.attacks.attack import Attack, Came, Judge, Step, Story, Words, last_is_refused
from rskit.testing.attacks.forger import Forger, values_of
from rskit.testing.attacks.jws import SignOctets

Made: TypeAlias = "Attack | Story | NotLookedAt"
Maker: TypeAlias = Callable[[Forger], "Made | None"]
"""None if the attack would equal the honest request, or makes no sense for it."""

Signer: TypeAlias = Callable[[Forger], SignOctets]


class Row(NamedTuple):
    """What a row leaves out is taken from its family."""

    name: str
    sends: str
    make: Maker
    means: str | None = None
    clause: str | None = None
    remedy: str | None = None


_NO_DECISION: Final = {
    "5": (
        "The request was not refused: it caused an error in this API. Many such requests may bring it down.",
        "Refuse it with 400, 401 or 403 before the request is processed.",
    ),
    "429": (
        "The request was not decided: the API refused it because of a rate limit.",
        "Raise the rate limit for this test.",
    ),
}


class Family(NamedTuple):
    """Attacks of one kind. `needs` returns what keeps the family from being sent, or None."""

    name: str
    means: str
    clause: str
    remedy: str
    rows: tuple[Row, ...]
    needs: Callable[[Forger], NotLookedAt | None] = lambda _: None

    def finding(self, row: Row, came: str) -> Finding:
        words = self.words(row)
        means, remedy = _NO_DECISION.get(
            came[:1] if came.startswith("5") else came, (words.means, words.remedy)
        )
        return Finding(row.name, words.sends, came, means, words.clause, remedy)

    def words(self, row: Row) -> Words:
        return Words(row.sends, row.means or self.means, row.clause or self.clause, row.remedy or self.remedy)


def claims(**changes: Any) -> Maker:
    """A token with changed claims. None removes a claim; a function is called for the value."""
    return lambda forger: forger.attack(forger.headers(forger.token(**values_of(changes, forger))))


def jwt(
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    sign: Signer | None = None,
    tolerated: frozenset[int] = frozenset(),
) -> Maker:
    """A JWT that the issuer did not issue in this form."""

    def make(forger: Forger) -> Attack:
        members = values_of(header or {}, forger), values_of(claims or {}, forger)
        token = forger.jwt(*members, sign and sign(forger))
        return forger.attack(forger.headers(token), tolerated=tolerated)

    return make


def text(write: Callable[[Forger], str], tolerated: frozenset[int] = frozenset()) -> Maker:
    """A token given as text."""
    return lambda forger: forger.attack(forger.headers(write(forger)), tolerated=tolerated)


def proof(
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    sign: Signer | None = None,
    tolerated: frozenset[int] = frozenset(),
) -> Maker:
    """A valid token with one changed proof."""

    def make(forger: Forger) -> Attack:
        token = forger.token()
        members = values_of(header or {}, forger), values_of(claims or {}, forger)
        sent = forger.proof(token, *members, sign and sign(forger))
        return forger.attack(forger.headers(token, sent), tolerated=tolerated)

    return make


def proofs_written(write: Callable[[Forger, str], list[str]], **more: Any) -> Maker:
    """Proofs given as text, with an honest token."""

    def make(forger: Forger) -> Attack:
        token = forger.token()
        return forger.attack(forger.headers(token, *write(forger, token)), **more)

    return make


def request(
    write: Callable[[Forger], Headers],
    *,
    url: Callable[[Forger], str] | None = None,
    judge: Judge = last_is_refused,
    **more: Any,
) -> Maker:
    """Headers given as they are."""
    return lambda forger: forger.attack(write(forger), url=url and url(forger), judge=judge, **more)


def story(tell: Callable[[Forger], Generator[Step, Answer, Came]]) -> Maker:
    return lambda forger: Story("", lambda: tell(forger))


def jwts_only(make: Maker) -> Maker:
    """For claims with types that RFC 7662 does not allow: the answer of such an issuer could not be read at all."""
    return lambda forger: None if forger.mint.opaque else make(forger)


def needs_jwts(forger: Forger) -> NotLookedAt | None:
    return OPAQUE if forger.mint.opaque else None


def needs_proofs(forger: Forger) -> NotLookedAt | None:
    return None if forger.bound else UNBOUND


OPAQUE: Final = NotLookedAt(
    "forged JWTs",
    "tokens are opaque here, and only their issuer knows which are valid",
    "a Mint() whose tokens are JWTs",
)
UNBOUND: Final = NotLookedAt(
    "DPoP proofs", "this request comes with a bearer token", "a second find_holes(..., bound=True)"
)
