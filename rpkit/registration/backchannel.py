"""The client metadata of CIBA, checked before they are sent: how tokens come, and how requests are signed.

Spec: CIBA 4a, 4d; FAPI-CIBA 5.2.2-3, 5.2.3.1-1, 7.10
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import ConfigurationError
from fapikit.profile import Profile
from fapikit.urls import is_secure
from fapikit.urns import CIBA
from rpkit.backchannel_settings import DELIVERY_MODES

MODE: Final = "backchannel_token_delivery_mode"
ENDPOINT: Final = "backchannel_client_notification_endpoint"
SIGNING_ALG: Final = "backchannel_authentication_request_signing_alg"


def check_backchannel_metadata(asked: Mapping[str, Any], profile: Profile) -> None:
    """Raises ForbiddenByProfile, ConfigurationError for metadata with which a server could not serve CIBA."""
    mode, grants = asked.get(MODE), asked.get("grant_types", ())
    if mode is None:
        of_ciba = [name for name in (ENDPOINT, SIGNING_ALG) if name in asked]
        if of_ciba or CIBA in grants:
            raise _wrong(f"{(of_ciba or [CIBA])[0]} needs {MODE}: set it to poll, ping or push", MODE)
        return
    if mode not in DELIVERY_MODES:
        raise _wrong(f"{MODE} is {mode!r}: set it to poll, ping or push", MODE)
    profile.require(
        mode in profile.backchannel_delivery_modes,
        f"{MODE} {mode} is not allowed; use {' or '.join(sorted(profile.backchannel_delivery_modes))}",
        "backchannel_delivery_modes",
    )
    if mode != "push" and CIBA not in grants:
        raise _wrong(f"grant_types has no {CIBA}, which {MODE} {mode} needs: add it", "grant_types")
    _check_endpoint(mode, asked.get(ENDPOINT))
    alg = asked.get(SIGNING_ALG)
    profile.require(
        alg is not None or not profile.request_object_required,
        f"authentication requests must be signed: set {SIGNING_ALG}",
        "request_object_required",
    )
    if alg is not None:
        profile.require_algorithm(alg, "an authentication request")


def _check_endpoint(mode: str, uri: object) -> None:
    if mode != "poll" and (not isinstance(uri, str) or not is_secure(uri)):
        raise _wrong(f"{MODE} {mode} needs an https URL of yours in {ENDPOINT}", ENDPOINT)


def _wrong(message: str, member: str) -> ConfigurationError:
    return ConfigurationError(message, clause="CIBA 4a", facts={"member": member})
