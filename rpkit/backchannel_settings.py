"""How a client is registered for CIBA: how it gets its tokens, and whether it signs its authentication requests.

Spec: CIBA 4d, 7.1.1a; FAPI-CIBA 5.2.2-3, 5.2.2-6, 5.2.3.1-1, 7.10
Role: C
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from fapikit.errors import ConfigurationError, MissingMetadata
from fapikit.metadata import ServerMetadata
from fapikit.profile import DeliveryMode, Profile
from rpkit.registration.keys import signer_now

DELIVERY_MODES: Final = ("poll", "ping", "push")
_ENDPOINT: Final = "backchannel_authentication_endpoint"
_MODES: Final = "backchannel_token_delivery_modes_supported"
_ALGORITHMS: Final = "backchannel_authentication_request_signing_alg_values_supported"


class BackchannelSettings(Protocol):
    """The fields of `ClientSettings` that this module reads."""

    @property
    def profile(self) -> Profile: ...

    @property
    def backchannel_token_delivery_mode(self) -> DeliveryMode: ...

    @property
    def backchannel_authentication_request_signing_alg(self) -> str | None: ...

    @property
    def request_signer(self) -> Any: ...


def check_backchannel(settings: BackchannelSettings) -> None:
    """Raises ConfigurationError, ForbiddenByProfile for settings that contradict each other or the profile."""
    profile, mode = settings.profile, settings.backchannel_token_delivery_mode
    if mode not in DELIVERY_MODES:
        raise ConfigurationError(
            f"backchannel_token_delivery_mode is {mode!r}: set it to the registered one, which is poll, ping or push",
            clause="CIBA 4d",
        )
    profile.require(
        mode in profile.backchannel_delivery_modes,
        f"backchannel_token_delivery_mode {mode} is not allowed;"
        f" use {' or '.join(sorted(profile.backchannel_delivery_modes))}",
        "backchannel_delivery_modes",
    )
    alg = settings.backchannel_authentication_request_signing_alg
    profile.require(
        alg is not None or not profile.request_object_required,
        "authentication requests must be signed: backchannel_authentication_request_signing_alg cannot be None",
        "request_object_required",
    )
    if alg is not None:
        _check_signing(settings, alg)


def _check_signing(settings: BackchannelSettings, alg: str) -> None:
    settings.profile.require_algorithm(alg, "an authentication request")
    if settings.request_signer is None:
        raise ConfigurationError(
            "backchannel_authentication_request_signing_alg needs a key: set request_signer, or use an auth that has"
            " a key",
            clause="CIBA 7.1.1a",
        )
    own = signer_now(settings.request_signer).alg
    if own != alg:
        raise ConfigurationError(
            f"backchannel_authentication_request_signing_alg is {alg}, and request_signer signs with {own}: give both"
            " the registered one",
            clause="CIBA 4d",
            facts={"expected": alg, "got": own},
        )


def check_backchannel_at(metadata: ServerMetadata, settings: BackchannelSettings, *, mtls: bool) -> None:
    """Check that this server takes CIBA requests of this client.

    Raises MissingMetadata, InsecureUrl, ConfigurationError.
    """
    if not metadata.has(_ENDPOINT):
        raise MissingMetadata(
            f"{metadata.issuer} lists no {_ENDPOINT}: it does not support CIBA",
            clause="CIBA 4b",
            facts={"member": _ENDPOINT},
        )
    metadata.endpoint(_ENDPOINT, mtls=mtls)
    modes, mode = metadata.strings(_MODES), settings.backchannel_token_delivery_mode
    if modes is not None and mode not in modes:
        raise ConfigurationError(
            f"{metadata.issuer} does not support backchannel_token_delivery_mode {mode}: its {_MODES} lists"
            f" {', '.join(modes) or 'nothing'}",
            clause="CIBA 4b",
            facts={"member": _MODES, "needed": mode},
        )
    alg = settings.backchannel_authentication_request_signing_alg
    # Without this list a server takes no signed authentication requests.
    if alg is not None and alg not in (listed := metadata.strings(_ALGORITHMS) or ()):
        raise ConfigurationError(
            f"{metadata.issuer} takes no authentication requests that are signed with {alg}: its {_ALGORITHMS} lists"
            f" {', '.join(listed) or 'nothing'}. Where the profile allows plain ones, set"
            " backchannel_authentication_request_signing_alg to None",
            clause="CIBA 4c",
            facts={"member": _ALGORITHMS, "needed": alg},
        )
