"""For operators: is this server able to decide, and does its configuration have weaknesses?

Spec: FAPI2-SP 5.3.4-3; RFC 7662 2.2; RFC 9449 9, 11.1b
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fapikit.clock import RandomBytes, system_random
from fapikit.dpop import NonceIssuer, ProcessNonceIssuer
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, store_add, store_check
from fapikit.profiles import Profile
from fapikit.secrets import Secret
from fapikit.stores import MemoryStore, Store, unsealed
from rskit.consents.ledger import ConsentLedger
from rskit.issuers.trusted_issuer import TrustedIssuer
from rskit.tokens.introspected import Inquiry, ask_issuer
from rskit.tokens.jwt import JwtRules

INTROSPECTED_EVERY: Final = 60.0
"""Seconds in which no probe asks an issuer again that has answered."""
_NOBODYS_TOKEN: Final = Secret("readiness-probe")
_NO_RULES: Final = JwtRules(audience=(), accepted=frozenset())
"""The answer is not checked: that there is one is enough."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`problems` names each issuer or store that does not answer, and each store that cannot keep a mark. A request
    that does not need it still passes. `warnings`: what the store reports about itself, for its operator.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.problems


def check_readiness(
    issuers: Iterable[TrustedIssuer],
    store: Store,
    consents: ConsentLedger | None = None,
    *,
    random_bytes: RandomBytes = system_random,
) -> Flow[Readiness]:
    """Whether each issuer's keys or metadata are available, each issuer that is asked introspects for this API, and
    each store accepts a mark and can keep it.
    """
    problems, warnings = [], tuple[str, ...]()
    for trusted in issuers:
        try:
            yield from trusted.warm()
            yield from _require_introspection(trusted, random_bytes)
            yield from trusted.require_status_lists()
        except FapiError as error:
            named = trusted.config.label in error.message
            problems.append(str(error) if named else f"{trusted.config.label}: {error}")
    try:
        warnings = (yield from store_check(store)).warnings
        yield from store_add(store, "rs-readiness", b"1", 1.0)
    except FapiError as error:
        problems.append(f"store: {error}")
    if consents is not None:
        try:
            yield from consents.check()
        except FapiError as error:
            problems.append(f"consents: {error}")
    return Readiness(tuple(problems), warnings)


def _require_introspection(trusted: TrustedIssuer, random_bytes: RandomBytes) -> Flow[None]:
    """Ask about a token that nobody issued: an issuer that knows this API answers that it is not active.

    An issuer that refuses the credentials of this API would make each request 503. Raises TransportError.
    """
    if trusted.config.introspection is None:
        return
    now = trusted.clock()
    if trusted.introspecting.failure is None and 0 <= now - trusted.introspected_at < INTROSPECTED_EVERY:
        return
    inquiry = Inquiry(_NO_RULES, trusted.clock, random_bytes)
    yield from ask_issuer(_NOBODYS_TOKEN, b"readiness", trusted, inquiry, fresh=False, known=False)
    trusted.introspected_at = now


def find_worries(
    profile: Profile,
    issuers: Iterable[TrustedIssuer],
    *,
    denylist: bool,
    store_given: Store | None,
    dpop: bool,
    nonces: NonceIssuer | None,
) -> Iterator[str]:
    """What the log at start-up should say about this configuration."""
    if profile.revocation_checked and not denylist:
        for trusted in issuers:
            if not trusted.asked_first and trusted.status_lists is None:
                yield (
                    f"tokens of {trusted.config.label} are accepted until they expire, because this server does not "
                    f"learn of revocations. Set introspection=, status_lists= or denylist= "
                    f"[{profile.clause('revocation_checked')}]"
                )
    if dpop:
        yield from _worries_about_replay(store_given, nonces)


def is_for_one_process(
    store: Store | None, nonces: NonceIssuer | None, *, dpop: bool, required: bool, signed_once: bool = False
) -> bool:
    """Whether state that only one process has would make several processes refuse or accept wrongly.

    They would refuse one another's nonces, or accept one DPoP proof once each. `required`: tokens must be bound.
    `signed_once`: the body of a request counts once, and they would accept it once each.
    Raises ConfigurationError for a shared nonce key without a shared store of replay marks.
    """
    if signed_once and (store is None or isinstance(unsealed(store), MemoryStore)):
        return True
    if not dpop:
        return False
    if isinstance(nonces, ProcessNonceIssuer):
        return True
    if not required:
        return False
    if store is None and nonces is not None:
        raise ConfigurationError(
            "nonces= has a key for several processes, but store= is missing: set store= to a store that they share, "
            "or remove the key; store=MemoryStore() states that there is one process",
            clause="RFC 9449 11.1b",
        )
    return store is None or isinstance(unsealed(store), MemoryStore)


def several_processes() -> ConfigurationError:
    """The error for several processes when `ResourceServer.one_process` says that there must be only one."""
    return ConfigurationError(
        "several processes answer for this resource, but each knows only its own DPoP nonces, used proofs and signed "
        "bodies: give ResourceServer one store= and one nonces= key that all processes share, or start one worker",
        clause="RFC 9449 11.1b",
    )


def _worries_about_replay(store_given: Store | None, nonces: NonceIssuer | None) -> Iterator[str]:
    """The number of processes is not known here. Each worry names state that only one process has."""
    if store_given is not None and not isinstance(unsealed(store_given), MemoryStore):
        return
    if not isinstance(nonces, ProcessNonceIssuer):
        yield (
            "replay marks are kept in this process only: with several workers or hosts, each would accept a DPoP proof "
            "once. Set store= to one that they share, or nonces=True: then a proof is for one process [RFC 9449 11.1b]"
        )
    elif store_given is None:
        yield (
            "nonces and replay marks are kept in this process only: several workers or hosts would refuse one "
            "another's nonces. Set one store= and one nonces= key for all; store=MemoryStore() states that there is "
            "one process [RFC 9449 9]"
        )
