"""The choices of a demo run: the profile, the flow, the fintech's client authentication, what tokens are bound to."""

from __future__ import annotations

from dataclasses import dataclass

from fapikit import Profile, profile_of
from fapikit.errors import ConfigurationError

BEARER = "none"
WEB, DEVICE, CONSENTS, CIBA = "web", "device", "consents", "ciba"
BY_BROWSER = (WEB, CONSENTS)
"""The flows in which the customer's browser goes from the fintech to the bank and back."""
_DEFAULTS = {
    "fapi1-baseline": ("private_key_jwt", BEARER),
    "fapi1-advanced": ("tls_client_auth", "mtls"),
    "fapi2-security": ("private_key_jwt", "dpop"),
    "fapi2-message-signing": ("private_key_jwt", "dpop"),
    "fapi-ciba": ("private_key_jwt", "mtls"),
}
PROFILES = tuple(_DEFAULTS)
METHODS = (
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "client_secret_jwt",
    "none",
)
FLOWS = (WEB, DEVICE, CONSENTS)
"""What can be asked for. `CIBA` comes with its profile."""
BINDINGS = ("dpop", "mtls", BEARER)


@dataclass(frozen=True)
class Choices:
    """`method`: the client's registered token_endpoint_auth_method. `binding`: dpop, mtls, or none (bearer tokens)."""

    profile_name: str
    method: str
    binding: str
    flow: str

    @classmethod
    def of(cls, profile_name: str, method: str = "", binding: str = "", flow: str = "") -> Choices:
        """The choices of one run. An empty one is the profile's default. Raises ConfigurationError."""
        usual_method, usual_binding = _DEFAULTS[profile_name]
        profile = profile_of(profile_name)
        flows = flows_of(profile)
        choices = cls(profile_name, method or usual_method, binding or usual_binding, flow or flows[0])
        _require(choices.flow, flows, f"FLOW under {profile_name}")
        _require(choices.method, methods_of(profile, choices.flow), f"AUTH under {profile_name}")
        _require(choices.binding, bindings_of(profile), f"BINDING under {profile_name}")
        return choices

    @property
    def self_signed(self) -> bool:
        """Whether the fintech signed its certificate itself."""
        return self.method == "self_signed_tls_client_auth"

    @property
    def certificate(self) -> bool:
        """Whether the fintech holds a client certificate."""
        return self.binding == "mtls" or self.method.endswith("tls_client_auth")

    def __str__(self) -> str:
        bound = "bearer tokens" if self.binding == BEARER else f"tokens bound by {self.binding}"
        flow = "" if self.flow == WEB else f", {self.flow} flow"
        return f"{self.profile_name}{flow}, the fintech signs in by {self.method}, {bound}"


def flows_of(profile: Profile) -> tuple[str, ...]:
    """The flows that this demo plays under a profile, the usual one first."""
    if profile.backchannel_required:
        return (CIBA,)
    return (WEB, DEVICE, CONSENTS) if profile.device_grant else BY_BROWSER


def methods_of(profile: Profile, flow: str) -> tuple[str, ...]:
    allowed = profile.client_authentication_methods
    if flow == CONSENTS:  # only a client that authenticates manages grants
        allowed = frozenset(allowed) - {"none"}
    return tuple(method for method in METHODS if method in allowed)


def bindings_of(profile: Profile) -> tuple[str, ...]:
    constrained = profile.sender_constraint_required
    return tuple(
        binding
        for binding in BINDINGS
        if (binding in profile.sender_constraints) or (binding == BEARER and not constrained)
    )


def _require(value: str, allowed: tuple[str, ...], what: str) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{what} is one of {', '.join(allowed)}, not {value!r}")
