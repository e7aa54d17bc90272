"""Reads the settings of a `ResourceServer` that depend on its profile. A wrong one raises ConfigurationError.

Spec: FAPI2-SP 5.3.4-5; RFC 9449 7.1, 8; RFC 8705 3
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection

from fapikit.clock import RandomBytes
from fapikit.dpop import NonceIssuer, ProcessNonceIssuer
from fapikit.errors import ConfigurationError
from fapikit.profiles import Profile
from fapikit.setting_types import require_texts
from rskit.observe import Observe
from rskit.possession.confirmation import Binding
from rskit.possession.credentials import BEARER, DPOP


def read_bindings(
    profile: Profile, wanted: Collection[Binding] | None, *, required: bool
) -> frozenset[Binding]:
    if wanted is None:
        return profile.sender_constraints
    require_texts("bindings", wanted)
    profile.require(
        frozenset(wanted) <= profile.sender_constraints,
        f"these bindings are not all allowed: {' '.join(sorted(wanted))}",
        "sender_constraints",
    )
    if required and not wanted:
        raise ConfigurationError(f"bindings= is empty, but {profile} requires bound tokens: name a binding")
    return frozenset(wanted)


def offered_schemes(bindings: frozenset[Binding], *, required: bool) -> tuple[str, ...]:
    """The schemes that a token may use. A certificate-bound token uses Bearer."""
    schemes = [DPOP] if "dpop" in bindings else []
    return (*schemes, BEARER) if "mtls" in bindings or not required else tuple(schemes)


def read_nonces(
    nonces: NonceIssuer | bytes | bool | None, random_bytes: RandomBytes, *, wanted: bool
) -> NonceIssuer | None:
    if isinstance(nonces, NonceIssuer):
        return nonces
    if isinstance(nonces, bytes):
        return NonceIssuer((nonces,))
    if nonces is not None and not isinstance(nonces, bool):
        raise ConfigurationError(
            "nonces= must be a key of 32 octets or more (bytes), a NonceIssuer, or a bool"
        )
    return ProcessNonceIssuer(random_bytes) if (wanted if nonces is None else nonces) else None


def read_observe(observe: Observe | None, profile: Profile, now: float) -> Observe | None:
    if observe is None:
        return None
    profile.require(
        not profile.sender_constraint_required,
        "refusals are never only observed",
        "sender_constraint_required",
    )
    if not observe.lasts(now):
        raise ConfigurationError(
            f"observe= ended on {observe.until}: remove it, so that refusals are enforced"
        )
    return observe
