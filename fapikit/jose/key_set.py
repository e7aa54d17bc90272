"""Choosing the one key for a JWS: by `kid`, then `kty`, `use`, `alg` and `crv`; a tie is refused, never tried.

Spec: RFC 7517 5; FAPI2-SP 5.4.3; FAPI1-ADV 8.11
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from fapikit.errors import AmbiguousKey, KeyNotFound, UnusableKey
from fapikit.errors.base import on_one_line
from fapikit.flow import Flow
from fapikit.jose.encryption_keys import EncryptionKey
from fapikit.jose.public_key import PublicKey, import_public_jwk
from fapikit.jose.purposes import Purpose
from fapikit.jose.respell import respell
from fapikit.jose.x5c import read_certificate
from fapikit.members import LOG

MAX_KEYS = 100
_EXPLAINED: Final = 5
_LONGEST_KID: Final = 60


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

    def find_encryption_key(self, alg: str) -> Flow[EncryptionKey]:
        """The key to encrypt to its owner with. Raises UnusableKey; TransportError if that cannot be known now."""
        ...

    def certificates(self) -> Flow[frozenset[bytes]]:
        """The certificates of its keys, DER. Raises TransportError if that cannot be known now."""
        ...

    def has_certificate(self, der: bytes) -> Flow[bool]:
        """Whether this is the certificate of one of its keys. Raises TransportError if that cannot be known now."""
        ...


class SkippedKey(NamedTuple):
    """A member of a set that is no key to verify with, and why."""

    kid: str | None
    why: str


class KeySet:
    """An immutable set of public keys. `skipped`: the members of its document that cannot be used."""

    __slots__ = ("_by_kid", "_certificates", "_certified", "_for_encryption", "keys", "skipped")

    def __init__(
        self,
        keys: Iterable[PublicKey],
        *,
        skipped: Iterable[SkippedKey] = (),
        for_encryption: Sequence[Mapping[str, Any]] = (),
        certified: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`for_encryption`: the JWKs with `use` enc; `certified`: those with `x5c`."""
        self.keys = tuple(keys)
        self.skipped = tuple(skipped)
        self._for_encryption = tuple(for_encryption)
        self._certified = tuple(certified)
        self._certificates: frozenset[bytes] | None = None
        self._by_kid: dict[str | None, list[PublicKey]] = {}
        for key in self.keys:
            self._by_kid.setdefault(key.kid, []).append(key)

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any], *, source: str = "a key set") -> KeySet:
        """Read a JWK Set. Keys that cannot be used here are skipped, as RFC 7517 5 asks, and remembered as such.

        `source` names the set in the log. Raises UnusableKey if there is no `keys` array or it holds more than 100
        members.
        """
        members = jwks.get("keys")
        if not isinstance(members, list) or len(members) > MAX_KEYS:
            raise UnusableKey(f"a JWK Set has a `keys` array of at most {MAX_KEYS}", clause="RFC 7517 5")
        keys: list[PublicKey] = []
        skipped: list[SkippedKey] = []
        for member in members:
            kid = _shown_kid(member)
            try:
                key, respelt = _import(member)
            except UnusableKey as error:
                skipped.append(SkippedKey(kid, error.message))
                LOG.info("%s: the key %s is skipped: %s", source, _named(kid), error)
                continue
            keys.append(key)
            if respelt:
                LOG.info("%s: the key %s is not spelt as RFC 7518 has it, and read", source, _named(kid))
        for_encryption = [key for key in members if isinstance(key, dict) and key.get("use") == "enc"]
        certified = [key for key in members if isinstance(key, dict) and "x5c" in key]
        return cls(keys, skipped=skipped, for_encryption=for_encryption, certified=certified)

    def select(self, alg: str, kid: str | None, purpose: Purpose) -> PublicKey:
        """Raises KeyNotFound, which says why no key of the set fits, or AmbiguousKey.

        Without a `kid` every key of the right kind is a candidate.
        """
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
            asked = f"it names no kid, and {alg}" if kid is None else f"it names kid {_named(kid)} and {alg}"
            raise purpose.fail(
                KeyNotFound,
                f"no key fits this {purpose.name}: {asked}; {self._why_none(alg, kid)}",
                facts={"alg": alg, "kid": "(none)" if kid is None else kid},
            )
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

    def encryption_key(self, alg: str) -> EncryptionKey:
        """The first key that is for encryption with `alg`. Raises UnusableKey."""
        return EncryptionKey.from_jwks({"keys": self._for_encryption}, alg)

    def find_encryption_key(self, alg: str) -> Flow[EncryptionKey]:
        return self.encryption_key(alg)
        yield  # a flow that asks for nothing

    def read_certificates(self) -> frozenset[bytes]:
        """The certificates of its keys, DER. What cannot be used is left out, with a line in the log."""
        if self._certificates is None:
            self._certificates = frozenset(_readable_certificates(self._certified))
        return self._certificates

    def certificates(self) -> Flow[frozenset[bytes]]:
        return self.read_certificates()
        yield  # a flow that asks for nothing

    def has_certificate(self, der: bytes) -> Flow[bool]:
        return der in self.read_certificates()
        yield  # a flow that asks for nothing

    def _why_none(self, alg: str, kid: str | None) -> str:
        """For each key of the set why it is not the one, those with this kid first."""
        others = 0
        reasons: list[str] = []
        for found, why in self._reasons(alg):
            if kid is None or found == kid:
                reasons.append(f"{_named(found)} {why}")
            else:
                others += 1
        told = reasons[:_EXPLAINED]
        if len(reasons) > _EXPLAINED:
            told.append(f"{len(reasons) - _EXPLAINED} more do not fit either")
        if others:
            kids = [_named(found) for found, _ in self._reasons(alg) if found != kid][:_EXPLAINED]
            told.append(f"the set has other kids: {', '.join(kids)}{', ...' if others > _EXPLAINED else ''}")
        return "; ".join(told) or "the set has no keys"

    def _reasons(self, alg: str) -> Iterator[tuple[str | None, str]]:
        for key in self.keys:
            yield key.kid, f"is not for {alg}: {key.described}"
        for skipped in self.skipped:
            yield skipped.kid, f"cannot be used and is skipped: {skipped.why}"

    def __len__(self) -> int:
        return len(self.keys)


def _import(member: object) -> tuple[PublicKey, bool]:
    """The key, and whether it had to be respelt. Raises UnusableKey."""
    if not isinstance(member, dict):
        raise UnusableKey("it is no JSON object", clause="RFC 7517 5")
    spelt = respell(member)
    try:
        return import_public_jwk(spelt), any(spelt.get(name) != value for name, value in member.items())
    except UnusableKey as error:
        if "n" not in member and "x5c" in member:
            raise UnusableKey(
                f"{error.message} (a certificate alone is not read)", clause=error.clause
            ) from error
        raise


def _readable_certificates(jwks: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for jwk in jwks:
        try:
            yield read_certificate(jwk)
        except UnusableKey as error:
            LOG.info("the certificate of key %s is skipped: %s", _named(_shown_kid(jwk)), error)


def _shown_kid(member: object) -> str | None:
    kid = member.get("kid") if isinstance(member, dict) else None
    return kid if isinstance(kid, str) else None


def _named(kid: str | None) -> str:
    return "(no kid)" if kid is None else f"'{on_one_line(kid[:_LONGEST_KID])}'"
