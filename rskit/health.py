"""What an operator wants to know: is this server able to decide, and is anything about its configuration worrying.

Spec: FAPI2-SP 5.3.4-3; RFC 9449 11.1b
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fapikit.errors import FapiError
from fapikit.flow import Flow, store_put
from fapikit.profiles import Profile
from fapikit.stores import MemoryStore, Store
from rskit.issuer import TrustedIssuer


@dataclass(frozen=True, slots=True)
class Readiness:
    """`problems` names each issuer or store that does not answer; none of them refuses a request that needs it not."""

    problems: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.problems


def check_readiness(issuers: Iterable[TrustedIssuer], store: Store) -> Flow[Readiness]:
    """Whether keys or metadata of each issuer are at hand or can be had, and the store takes a mark."""
    problems = []
    for trusted in issuers:
        try:
            yield from trusted.warm()
        except FapiError as error:
            problems.append(f"{trusted.config.label}: {error}")
    try:
        yield from store_put(store, "rs-readiness", b"1", 60.0)
    except FapiError as error:
        problems.append(f"store: {error}")
    return Readiness(tuple(problems))


def find_worries(
    profile: Profile,
    issuers: Iterable[TrustedIssuer],
    *,
    denylist: bool,
    store_given: Store | None,
    nonces_shared: bool,
) -> Iterator[str]:
    """What a start-up log should say about this configuration."""
    if profile.revocation_checked and not denylist:
        for trusted in issuers:
            asking = trusted.config.introspection
            if asking is None or asking.local_jwts:
                yield (
                    f"tokens of {trusted.config.label} are believed until they expire: no revocation is learnt of. "
                    f"Introspect them, or give a denylist [{profile.clause('revocation_checked')}]"
                )
    if nonces_shared and (store_given is None or isinstance(store_given, MemoryStore)):
        yield (
            "nonces are shared between processes and replay marks are not: a proof could be used once in each. "
            "Give a shared store [RFC 9449 11.1b]"
        )
