"""What distinguishes one kind of JWT from all others: its type, its claims, its error code. `purposes` has the kinds.

Spec: RFC 8725 3.11, 3.12
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, TypeVar

from fapikit.errors import JwtError

E = TypeVar("E", bound=JwtError)
HeaderMember: TypeAlias = Literal["typ", "alg", "kid", "jwk"]
_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One kind of JWT.

    `self_issued`: `iss` must equal `sub`, because the issuer makes statements about itself. In other kinds it must not.
    `repeatable`: the claims that may occur twice with the same value.
    `header`: the members of the JOSE header of a JWT that we make, in their order.
    `error_code`: the OAuth error code that is sent for a failure, or None if the reader sends no response.
    `clauses`: for a claim, `typ`, "signature" or "encryption", the clause that a failure breaks.
    """

    name: str
    typ: str | None = None
    typ_required: bool = False
    header: tuple[HeaderMember, ...] = ("typ", "alg", "kid")
    required: tuple[str, ...] = ()
    forbidden: frozenset[str] = frozenset()
    repeatable: frozenset[str] = frozenset()
    self_issued: bool = False
    error_code: str | None = None
    clauses: Mapping[str, str] = field(default_factory=dict)
    max_octets: int = 16 * 1024

    def fail(
        self,
        error: type[E],
        message: str,
        *,
        about: str | None = None,
        clause: str | None = None,
        facts: Mapping[str, object] = _EMPTY,
    ) -> E:
        """The error, with the code of this purpose and its clause for the claim `about`."""
        clause = self.clauses.get(about, clause) if about else clause
        return error(message, code=self.error_code, clause=clause, facts={"jwt": self.name, **facts})

    def accepts_typ(self, typ: object) -> bool:
        if typ is None:
            return not self.typ_required
        if not isinstance(typ, str) or not typ.isascii():
            return False
        short = typ.lower().removeprefix("application/")
        if self.typ is not None and short == self.typ:
            return True
        return short == "jwt" and not self.typ_required
