"""What an operator wants to know: is this server able to decide, and is anything about its configuration worrying.

Spec: FAPI2-SP 5.3.4-3; RFC 9449 9, 11.1b
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fapikit.dpop import NonceIssuer, ProcessNonceIssuer
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, store_add, store_check
from fapikit.profiles import Profile
from fapikit.stores import MemoryStore, Store, unsealed
from rskit.consents.ledger import ConsentLedger
from rskit.issuers.issuer import TrustedIssuer


@dataclass(frozen=True, slots=True)
class Readiness:
    """`problems` names each issuer or store that does not answer, and a store that cannot keep a mark; none of them
    refuses a request that needs it not. `warnings`: what the store says of itself that its operator should know.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.problems


def check_readiness(
    issuers: Iterable[TrustedIssuer], store: Store, consents: ConsentLedger | None = None
) -> Flow[Readiness]:
    """Whether keys or metadata of each issuer are at hand or can be had, and the stores take a mark and can keep it."""
    problems, warnings = [], tuple[str, ...]()
    for trusted in issuers:
        try:
            yield from trusted.warm()
        except FapiError as error:
            problems.append(f"{trusted.config.label}: {error}")
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


def find_worries(
    profile: Profile,
    issuers: Iterable[TrustedIssuer],
    *,
    denylist: bool,
    store_given: Store | None,
    dpop: bool,
    nonces: NonceIssuer | None,
) -> Iterator[str]:
    """What a start-up log should say about this configuration."""
    if profile.revocation_checked and not denylist:
        for trusted in issuers:
            if not trusted.asked_first:
                yield (
                    f"tokens of {trusted.config.label} are believed until they expire: no revocation is learnt of. "
                    f"Introspect them, or give a denylist [{profile.clause('revocation_checked')}]"
                )
    if dpop:
        yield from _worries_about_replay(store_given, nonces)


def is_for_one_process(
    store: Store | None, nonces: NonceIssuer | None, *, dpop: bool, required: bool
) -> bool:
    """Whether several processes would refuse one another's nonces, or each take a DPoP proof once.

    `required`: tokens must be bound. Raises ConfigurationError where several processes are what the configuration is
    for: a nonce key that they share, whose marks each keeps to itself.
    """
    if not dpop:
        return False
    if isinstance(nonces, ProcessNonceIssuer):
        return True
    if not required:
        return False
    if store is None and nonces is not None:
        raise ConfigurationError(
            "a nonce key is for several processes, which then need a store of replay marks that they share: give both, "
            "or neither; store=MemoryStore() says that there is one process",
            clause="RFC 9449 11.1b",
        )
    return store is None or isinstance(unsealed(store), MemoryStore)


def several_processes() -> ConfigurationError:
    """Where it is known that there are several, and `ResourceServer.one_process` says that there must not be."""
    return ConfigurationError(
        "several processes answer for this resource, and what one knows of DPoP nonces and used proofs the others do "
        "not: give ResourceServer one store= and one nonces= key that all of them share, or start one worker",
        clause="RFC 9449 11.1b",
    )


def _worries_about_replay(store_given: Store | None, nonces: NonceIssuer | None) -> Iterator[str]:
    """How many processes there are is not known here: what only one of them knows is named."""
    if store_given is not None and not isinstance(unsealed(store_given), MemoryStore):
        return
    if not isinstance(nonces, ProcessNonceIssuer):
        yield (
            "replay marks live in this process alone: with several workers or hosts a DPoP proof could be used once in "
            "each. Give a store that they share, or nonces=True, which keeps a proof to one process [RFC 9449 11.1b]"
        )
    elif store_given is None:
        yield (
            "nonces and replay marks live in this process alone: several workers or hosts would refuse one another's "
            "nonces. Give them one store and one nonce key; MemoryStore() says that there is one [RFC 9449 9]"
        )
