"""The class `Profile`: a frozen set of rules, each with its clause. The profiles themselves are in `profiles`.

Spec: FAPI2-SP 5.1.2; FAPI2-MS 5.1
Role: C, AS, RS
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from fapikit.jose.algorithms import ASYMMETRIC
from fapikit.quirks import NOTICE, Quirk, QuirkEndsSoon, Relaxation

SenderConstraint: TypeAlias = Literal["dpop", "mtls"]
DeliveryMode: TypeAlias = Literal["poll", "ping", "push"]
AssertionAudience: TypeAlias = Literal["issuer", "token_endpoint", "par_endpoint", "backchannel_endpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile. Durations are in seconds. `clauses` has, for each field, the clause of its value."""

    name: str
    signing_algorithms: frozenset[str]
    client_authentication_methods: frozenset[str]
    public_clients: bool
    par_required: bool
    pkce_required: bool
    pkce_required_when_pushed: bool
    """Of a pushed request, where it is not required of all."""
    request_object_required: bool
    response_types: frozenset[str]
    response_modes: frozenset[str]
    jarm_required: bool
    response_signature_required: bool
    """By JARM, or by an ID token that signs the rest of the response."""
    iss_in_response_required: bool
    nonce_required: bool
    """Of a request with `openid`."""
    state_required: bool
    """Of any other request."""
    sender_constraints: frozenset[SenderConstraint]
    sender_constraint_required: bool
    assertion_audiences: frozenset[AssertionAudience]
    assertion_audience_as_array: bool
    named_assertion_audience: bool
    """A client assertion may have an `aud` that the server has chosen and that no specification defines."""
    id_token_signature_required: bool
    further_id_token_audiences: bool
    """An ID token may have other audiences beside the client, if the client trusts them."""
    jarm_iss_twice: bool
    """A signed response may have `iss` twice, if both values are the same."""
    scope_beyond_request: bool
    """A token response may grant scope that was not requested."""
    acr_essential: bool
    """`acr` is requested as an essential claim of the ID token."""
    signed_introspection_required: bool
    token_in_query: bool
    device_grant: bool
    """Devices without a browser may use the device grant (RFC 8628), whose requests have no authorization response."""
    revocation_checked: bool
    refresh_rotation: bool
    code_lifetime: float
    par_lifetime: float
    request_object_max_age: float | None
    request_object_max_lifetime: float | None
    clock_skew: float
    rsa_bits: int
    ec_bits: int
    symmetric_octets: int
    tls12_ciphers: tuple[str, ...]
    redirect_uri_https: bool
    loopback_redirects: bool
    private_use_redirects: bool
    """A redirect URI may have a private-use scheme that is made of a domain of the app (RFC 8252 7.1)."""
    bearer_token_lifetime: float
    """An access token that is bound to nothing lives less than this."""
    backchannel_required: bool = False
    backchannel_delivery_modes: frozenset[DeliveryMode] = frozenset({"poll", "ping", "push"})
    """How the tokens of a CIBA request reach its client."""
    backchannel_context_required: bool = False
    """A CIBA request says what it is about, or has a `binding_message`."""
    clauses: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    relaxations: tuple[Relaxation, ...] = ()

    def __post_init__(self) -> None:
        for contradicts, one, other in self._contradictions():
            if contradicts:
                raise ConfigurationError(
                    f"profile {self.name}: {one} contradicts {other}", facts={"settings": f"{one}, {other}"}
                )

    def _contradictions(self) -> Iterator[tuple[bool, str, str]]:
        for setting in (
            "signing_algorithms",
            "response_types",
            "response_modes",
            "tls12_ciphers",
            "backchannel_delivery_modes",
        ):
            yield not getattr(self, setting), setting, "the rule that it is not empty"
        for setting in ("code_lifetime", "par_lifetime", "bearer_token_lifetime"):
            yield getattr(self, setting) <= 0, setting, "the rule that a duration is more than 0"
        yield not self.signing_algorithms <= ASYMMETRIC, "signing_algorithms", "the supported algorithms"
        constrained = self.sender_constraint_required and not self.sender_constraints
        yield constrained, "sender_constraint_required", "sender_constraints"
        methods = self.client_authentication_methods
        unauthenticated = "none" in methods or not methods
        yield unauthenticated and not self.public_clients, "client_authentication_methods", "public_clients"
        signed_modes = any("jwt" in mode for mode in self.response_modes)
        yield self.jarm_required and not signed_modes, "jarm_required", "response_modes"
        signable = signed_modes or "code id_token" in self.response_types
        yield (
            self.response_signature_required and not signable,
            "response_signature_required",
            "response_types",
        )
        bounded = (self.request_object_max_age is None) == (self.request_object_max_lifetime is None)
        yield not bounded, "request_object_max_lifetime", "request_object_max_age"
        yield not 10 <= self.clock_skew <= 60, "clock_skew", "FAPI2-SP 5.3.2.1-13 (10 to 60 s)"

    @property
    def certificate_binding_required(self) -> bool:
        """Every access token is bound to a certificate, because the profile has no other binding."""
        return self.sender_constraint_required and self.sender_constraints == {"mtls"}

    def clause(self, setting: str) -> str:
        """The clause of a field."""
        return self.clauses.get(setting, "")

    def require(self, allowed: bool, message: str, setting: str) -> None:
        """Raise ForbiddenByProfile, with the clause of `setting`, unless `allowed`."""
        if not allowed:
            raise ForbiddenByProfile(
                f"{self.name}: {message}",
                clause=self.clause(setting),
                facts={"profile": self.name, "setting": setting},
            )

    def require_algorithm(self, alg: str, what: str) -> None:
        self.require(
            alg in self.signing_algorithms, f"{what} may not be signed with {alg}", "signing_algorithms"
        )

    def relax(self, quirk: Quirk, *, until: date, reason: str, clock: Clock = system_clock) -> Profile:
        """This profile with one rule relaxed by `quirk`, until the day `until`.

        Raises ConfigurationError after that day, or without a reason; ForbiddenByProfile if FAPI 2 makes the rule
        mandatory. Warns (QuirkEndsSoon) in the 30 days before.
        """
        self._require_relaxable(quirk, reason)
        today = datetime.fromtimestamp(clock(), UTC).date()
        if today > until:
            raise ConfigurationError(
                f"{quirk.name} ended on {until}: remove it, or set a later day in until",
                facts={"reason": reason},
            )
        if until - today < NOTICE:
            warnings.warn(f"{quirk.name} ends on {until}: {reason}", QuirkEndsSoon, stacklevel=2)
        changes: dict[str, Any] = {quirk.setting: quirk.relaxed(getattr(self, quirk.setting))}
        relaxation = Relaxation(quirk=quirk, until=until, reason=reason)
        return replace(self, **changes, relaxations=(*self.relaxations, relaxation))

    def is_relaxed_by(self, quirk: Quirk) -> bool:
        return any(relaxation.quirk is quirk for relaxation in self.relaxations)

    def _require_relaxable(self, quirk: Quirk, reason: str) -> None:
        clause = self.clause(quirk.setting)
        if clause.startswith("FAPI2-") and clause not in quirk.allowed_by:
            raise ForbiddenByProfile(
                f"{self.name}: {quirk.name} would relax a mandatory rule: leave it out, or use another profile",
                clause=clause,
                facts={"profile": self.name, "quirk": quirk.name, "setting": quirk.setting},
            )
        if not reason.strip():
            raise ConfigurationError(
                f"{quirk.name} has no reason: set reason to the text that explains it",
                clause=clause,
            )

    def __str__(self) -> str:
        return self.name
