"""All issuers that a server trusts, by identifier.

Spec: RFC 9068 4-3; RFC 8725 3.8
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from fapikit.errors import ConfigurationError
from rskit.errors import UnknownIssuer
from rskit.issuers.issuer import Issuer, Issuers
from rskit.issuers.trusted_issuer import ServerRules, TrustedIssuer

_MAX_ISSUERS: Final = 1000


class IssuerBook:
    """All issuers by identifier. A function as `issuers` is called every time; what it returned lately is kept."""

    def __init__(self, issuers: Issuers, server: ServerRules) -> None:
        """Raises ConfigurationError."""
        self._server = server
        self._callback = issuers if callable(issuers) else None
        self.by_callback = self._callback is not None
        self._known: dict[str, TrustedIssuer] = {}
        self.opaque: TrustedIssuer | None = None
        if not callable(issuers):
            listed = () if isinstance(issuers, Issuer) else tuple(issuers)
            if isinstance(issuers, Issuer) or not all(isinstance(issuer, Issuer) for issuer in listed):
                raise ConfigurationError("issuers must be Issuer objects: issuers=[Issuer(url)]")
            self._known = {issuer.url: self._trust(issuer) for issuer in listed}
            if not self._known:
                raise ConfigurationError(
                    "issuers= is empty: a resource server must trust at least one issuer"
                )
            self.opaque = self._one_for_opaque()

    def find(self, iss: object) -> TrustedIssuer:
        """Raises UnknownIssuer."""
        if not isinstance(iss, str):
            trusted = None
        elif self._callback is not None:
            return self._ask(self._callback, iss)
        else:
            trusted = self._known.get(iss)
        if trusted is None:
            raise _unknown(iss, self._known)
        return trusted

    def still_trusts(self, trusted: TrustedIssuer) -> bool:
        """Whether the issuer of a cached decision still has the same configuration. Only a function can change it."""
        try:
            return self.find(trusted.config.url) is trusted
        except UnknownIssuer:
            return False

    @property
    def identifiers(self) -> tuple[str, ...] | None:
        """The trusted issuers; None if a function decides."""
        return None if self.by_callback else tuple(self._known)

    def all(self) -> tuple[TrustedIssuer, ...]:
        return tuple(self._known.values())

    def _ask(self, callback: Callable[[str], Issuer | None], iss: str) -> TrustedIssuer:
        config = callback(iss)
        if config is None or config.url != iss:
            self._known.pop(iss, None)
            raise _unknown(iss, ())
        trusted = self._known.get(iss)
        if trusted is None or trusted.config != config:
            if iss not in self._known and len(self._known) >= _MAX_ISSUERS:
                self._make_room()
            trusted = self._known[iss] = self._trust(config)
        return trusted

    def _make_room(self) -> None:
        """Forget issuers without a valid token first. So honest issuers keep their keys and pauses."""
        listed = list(self._known.items())
        proven = [entry for entry in listed if entry[1].proven]
        self._known = dict(proven if len(proven) < _MAX_ISSUERS else proven[len(proven) // 10 :])

    def _trust(self, issuer: Issuer) -> TrustedIssuer:
        return TrustedIssuer(issuer, self._server)

    def _one_for_opaque(self) -> TrustedIssuer | None:
        asking = [t for t in self._known.values() if t.config.introspection and t.config.introspection.opaque]
        if len(asking) > 1:
            raise ConfigurationError(
                "opaque tokens can go to one issuer only: set Introspection(opaque=False) for the others",
                facts={"issuers": " ".join(t.config.label for t in asking)},
            )
        return asking[0] if asking else None


def _unknown(iss: object, known: Iterable[str]) -> UnknownIssuer:
    return UnknownIssuer(
        "the token's issuer is not trusted here",
        facts={"got": iss, **({"trusted": " ".join(known)} if known else {})},
    )
