"""The choice of the one key for a JWS: by `kid`, then `kty`, `use`, `alg` and `crv`. Several matches are refused.

Spec: RFC 7517 5; FAPI2-SP 5.4.3; FAPI1-ADV 8.11
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

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


Algs: TypeAlias = str | Collection[str]
"""The one `alg` of a JWS; or those that are allowed for a signature whose key decides which it is."""


class KeySource(Protocol):
    """Where a verifier finds keys: a fixed `KeySet`, or one that is fetched from a `jwks_uri`."""

    def find(
        self, alg: Algs, kid: str | None, purpose: Purpose, *, issued_at: float | None = None
    ) -> Flow[PublicKey]:
        """The key for a JWS. `issued_at`: the unverified `iat` of the JWT.

        It is only used to decide whether the cached keys are new enough to say that a `kid` does not exist.
        Raises KeyNotFound or AmbiguousKey; TransportError if the keys cannot be fetched now.
        """
        ...

    def find_encryption_key(self, alg: str) -> Flow[EncryptionKey]:
        """The key to encrypt to its owner with. Raises UnusableKey; TransportError if it cannot be fetched now."""
        ...

    def certificates(self) -> Flow[frozenset[bytes]]:
        """The certificates of its keys, DER. Raises TransportError if that cannot be known now."""
        ...

    def has_certificate(self, der: bytes) -> Flow[bool]:
        """Whether this is the certificate of one of its keys. Raises TransportError if that cannot be known now."""
        ...


class SkippedKey(NamedTuple):
    """A member of a set that cannot be used to verify, and the reason."""

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
        """Read a JWK Set. Keys that cannot be used are skipped, as RFC 7517 5 demands, and listed in `skipped`.

        `source`: the name of the set in the log. Raises UnusableKey if there is no `keys` array, or if it has more than
        100 members.
        """
        members = jwks.get("keys")
        if not isinstance(members, list) or len(members) > MAX_KEYS:
            raise UnusableKey(
                f"the JWK Set has no `keys` array, or more than {MAX_KEYS} keys", clause="RFC 7517 5"
            )
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
                LOG.info(
                    "%s: the key %s is not encoded as RFC 7518 demands, and is read", source, _named(kid)
                )
        for_encryption = [key for key in members if isinstance(key, dict) and key.get("use") == "enc"]
        certified = [key for key in members if isinstance(key, dict) and "x5c" in key]
        return cls(keys, skipped=skipped, for_encryption=for_encryption, certified=certified)

    def select(self, alg: Algs, kid: str | None, purpose: Purpose) -> PublicKey:
        """The key for a JWS. Raises KeyNotFound, with the reason for each key, or AmbiguousKey.

        Without a `kid`, every key of the right type is a candidate.
        """
        named = self.keys if kid is None else self._by_kid.get(kid, ())
        algs = (alg,) if isinstance(alg, str) else alg
        candidates = [key for key in named if any(map(key.supports, algs))]
        if len(candidates) > 1:
            # The same key, published twice, counts once.
            candidates = list({key.thumbprint: key for key in candidates}.values())
        if len(candidates) > 1:
            raise purpose.fail(
                AmbiguousKey,
                f"{len(candidates)} keys match this {purpose.name}",
                facts={"alg": _listed(algs)},
            )
        if not candidates:
            listed = _listed(algs)
            asked = (
                f"it has no kid, and alg {listed}"
                if kid is None
                else f"it has kid {_named(kid)} and alg {listed}"
            )
            raise purpose.fail(
                KeyNotFound,
                f"no key matches this {purpose.name}: {asked}; {self._why_none(listed, kid)}",
                facts={"alg": listed, "kid": "(none)" if kid is None else kid},
            )
        return candidates[0]

    def find(
        self,
        alg: Algs,
        kid: str | None,
        purpose: Purpose,
        *,
        issued_at: float | None = None,  # noqa: ARG002 - a fixed set is never fetched again
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
        """The reason for each key of the set why it does not match, first for those with this kid."""
        others = 0
        reasons: list[str] = []
        for found, why in self._reasons(alg):
            if kid is None or found == kid:
                reasons.append(f"{_named(found)} {why}")
            else:
                others += 1
        told = reasons[:_EXPLAINED]
        if len(reasons) > _EXPLAINED:
            told.append(f"{len(reasons) - _EXPLAINED} more keys do not match either")
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
    """The key, and whether its encoding had to be corrected. Raises UnusableKey."""
    if not isinstance(member, dict):
        raise UnusableKey("it is not a JSON object", clause="RFC 7517 5")
    spelt = respell(member)
    try:
        return import_public_jwk(spelt), any(spelt.get(name) != value for name, value in member.items())
    except UnusableKey as error:
        if "n" not in member and "x5c" in member:
            raise UnusableKey(
                f"{error.message} (an x5c without the other members is not read)", clause=error.clause
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


def _listed(algs: Collection[str]) -> str:
    return " or ".join(sorted(algs))


def _named(kid: str | None) -> str:
    return "(no kid)" if kid is None else f"'{on_one_line(kid[:_LONGEST_KID])}'"
