"""What a client registers for CIBA: how its tokens reach it, where it is notified, how its requests are signed.

A client uses CIBA if it has registered a delivery mode. A push client needs no grant type, because it never redeems.

Spec: CIBA 4a, 4d, 7.1a; FAPI-CIBA 5.2.2-3, 5.2.2-6; FAPI1-ADV 8.6-1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.errors import InvalidClientMetadata
from fapikit.profiles import Profile
from fapikit.urls import is_secure
from fapikit.urns import CIBA

DELIVERY_MODE: Final = "backchannel_token_delivery_mode"
NOTIFICATION_ENDPOINT: Final = "backchannel_client_notification_endpoint"
SIGNING_ALG: Final = "backchannel_authentication_request_signing_alg"
USER_CODE: Final = "backchannel_user_code_parameter"
_MODES: Final = ("poll", "ping", "push")
_NOTIFIED: Final = ("ping", "push")


def uses_ciba(members: Mapping[str, Any]) -> bool:
    """Whether a client with these members may send authentication requests."""
    mode = members.get(DELIVERY_MODE)
    return mode == "push" or (mode is not None and CIBA in members.get("grant_types", ()))


def check_backchannel_members(members: Mapping[str, Any]) -> None:
    """Check the combination of members with correct types. Raises InvalidClientMetadata."""
    mode, endpoint = members.get(DELIVERY_MODE), members.get(NOTIFICATION_ENDPOINT)
    if mode is not None and mode not in _MODES:
        raise InvalidClientMetadata(f"{DELIVERY_MODE} must be one of {', '.join(_MODES)}", clause="CIBA 4d")
    if CIBA in members.get("grant_types", ()) and mode is None:
        raise InvalidClientMetadata(f"the grant type {CIBA} needs {DELIVERY_MODE}", clause="CIBA 4a")
    if mode in _NOTIFIED and endpoint is None:
        raise InvalidClientMetadata(f"{mode} needs {NOTIFICATION_ENDPOINT}", clause="CIBA 4a")
    if endpoint is not None and (not is_secure(endpoint) or "#" in endpoint):
        raise InvalidClientMetadata(
            f"{NOTIFICATION_ENDPOINT} must be an https URL without fragment", clause="CIBA 4a"
        )
    if mode is not None and members.get("token_endpoint_auth_method") == "none":
        raise InvalidClientMetadata(
            f"{DELIVERY_MODE} needs a client that authenticates: token_endpoint_auth_method is none",
            clause="CIBA 7.1a",
        )
    if SIGNING_ALG in members and not {"jwks", "jwks_uri"} & members.keys():
        raise InvalidClientMetadata(
            f"{SIGNING_ALG} needs a key to verify with: register jwks or jwks_uri", clause="CIBA 4a"
        )


def check_backchannel_profile(members: Mapping[str, Any], profile: Profile) -> None:
    """Raise InvalidClientMetadata unless the profile allows what a client registered for CIBA."""
    if not uses_ciba(members):
        return
    mode = members[DELIVERY_MODE]
    if mode not in profile.backchannel_delivery_modes:
        raise InvalidClientMetadata(
            f"{profile.name} does not allow {DELIVERY_MODE} {mode}",
            clause=profile.clause("backchannel_delivery_modes"),
        )
    if profile.request_object_required and SIGNING_ALG not in members:
        raise InvalidClientMetadata(
            f"{profile.name} has signed requests only: register {SIGNING_ALG}",
            clause=profile.clause("request_object_required"),
        )
