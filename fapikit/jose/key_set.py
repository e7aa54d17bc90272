"""Choosing the one key for a JWS: by `kid`, then `kty`, `use`, `alg` and `crv`; a tie is refused, never tried.

Spec: RFC 7517 5; FAPI2-SP 5.4.3; FAPI1-ADV 8.11
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from fapikit.errors import AmbiguousKey, KeyNotFound, UnusableKey
from fapikit.flow import Flow
from fapikit.jose.public_key import PublicKey, import_public_jwk
from fapikit.jose.purposes import Purpose

MAX_KEYS = 100


class KeySource(Protocol):
    """Where a verifier finds keys: a `KeySet` at hand, or one fetched from a `jwks_uri`."""

    def find(
        self, alg: str, kid: str | None, purpose: Purpose, *, issued_at: float | None = None
    ) -> Flow[PublicKey]:
        """The one key. `issued_at`: the `iat` that the JWT claims, which nobody has verified.

        It tells whether keys at hand are new enough to say that a `kid` does not exist, and decides nothing else.
        Raises KeyNotFound or AmbiguousKey; TransportError if that cannot be known now.
        """
        ...


class KeySet:
    """An immutable set of public keys."""

    __slots__ = ("_by_kid", "keys")

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self.keys = tuple(keys)
        self._by_kid: dict[str | None, list[PublicKey]] = {}
        for key in self.keys:
            self._by_kid.setdefault(key.kid, []).append(key)

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any]) -> KeySet:
        """Read a JWK Set. Keys that cannot be used here are skipped, as RFC 7517 5 asks.

        Raises UnusableKey if there is no `keys` array or it holds more than 100 members.
        """
        members = jwks.get("keys")
        if not isinstance(members, list) or len(members) > MAX_KEYS:
            raise UnusableKey(f"a JWK Set has a `keys` array of at most {MAX_KEYS}", clause="RFC 7517 5")
        return cls(_usable(members))

    def select(self, alg: str, kid: str | None, purpose: Purpose) -> PublicKey:
        """Raises KeyNotFound or AmbiguousKey. Without a `kid` every key of the right kind is a candidate."""
        named = self.keys if kid is None else self._by_kid.get(kid, ())
        candidates = [key for key in named if key.supports(alg)]
        if len(candidates) > 1:
            # The same key published twice is not a tie.
            candidates = list({key.thumbprint: key for key in candidates}.values())
        if len(candidates) > 1:
            raise purpose.fail(
                AmbiguousKey, f"{len(candidates)} keys fit this {purpose.name}", facts={"alg": alg}
            )
        if not candidates:
            raise purpose.fail(KeyNotFound, f"no key fits this {purpose.name}", facts={"alg": alg})
        return candidates[0]

    def find(
        self,
        alg: str,
        kid: str | None,
        purpose: Purpose,
        *,
        issued_at: float | None = None,  # noqa: ARG002 - these keys are the ones there are
    ) -> Flow[PublicKey]:
        return self.select(alg, kid, purpose)
        yield  # a flow that asks for nothing

    def __len__(self) -> int:
        return len(self.keys)


def _usable(members: list[Any]) -> Iterable[PublicKey]:
    for member in members:
        if isinstance(member, dict):
            try:
                yield import_public_jwk(member)
            except UnusableKey:
                continue
