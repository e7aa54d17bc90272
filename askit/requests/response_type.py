"""What an authorization response contains and how it is sent: response type and response mode, and their combination.

Spec: RFC 6749 3.1.1; JARM 2.3.4; FAPI1-ADV 5.2.2-2, 5.2.2.1-4; OIDC 3.3.2.1, 3.3.2.11; FAPI2-SP 5.3.2.2-1
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.errors import InvalidRequest, UnauthorizedClient, UnsupportedResponseType
from fapikit.profiles import Profile

HYBRID: Final = "code id_token"


def response_type_of(
    members: Mapping[str, Any], client: Client, profile: Profile, offered: Collection[str]
) -> str:
    """The response type, with its words in order.

    Raises InvalidRequest, UnsupportedResponseType, UnauthorizedClient.
    """
    response_type = members.get("response_type")
    if response_type is None:
        raise InvalidRequest("response_type is missing", clause="RFC 6749 4.1.1")
    ordered = " ".join(sorted(response_type.split()))
    if ordered not in profile.response_types or ordered not in offered:
        raise UnsupportedResponseType(
            f"this response_type is not allowed by {profile.name}: use {' or '.join(sorted(profile.response_types))}",
            clause=profile.clause("response_types"),
        )
    if "authorization_code" not in client.grant_types or ordered not in client.response_types:
        raise UnauthorizedClient("this client is not registered for the authorization code grant")
    if ordered == HYBRID and "openid" not in members.get("scope", "").split():
        raise InvalidRequest(f"response_type {HYBRID} needs the scope openid", clause="OIDC 3.3.2.1")
    return ordered


def response_mode_of(
    members: Mapping[str, Any],
    client: Client,
    profile: Profile,
    offered: Collection[str],
    response_type: str,
) -> str:
    """The requested mode, made explicit: `jwt` is `query.jwt` for a code (JARM 2.3.4). Raises InvalidRequest."""
    hybrid = response_type == HYBRID
    mode = str(members.get("response_mode", "fragment" if hybrid else "query"))
    signed = "jwt" in mode
    if mode not in offered or (mode not in profile.response_modes and not _unasked(members, signed, profile)):
        raise InvalidRequest(
            "the profile does not allow this response_mode", clause=profile.clause("response_modes")
        )
    if client.response_modes is not None and mode not in client.response_modes:
        raise InvalidRequest("this client may not use this response_mode", clause="FAPI2-MS 5.3.3")
    if profile.jarm_required and not signed:
        raise InvalidRequest(
            "the response must be signed: send response_mode=jwt", clause=profile.clause("jarm_required")
        )
    if hybrid and (signed or mode == "query"):
        raise InvalidRequest(
            f"response_type {HYBRID} needs response_mode fragment or form_post",
            clause="FAPI1-ADV 5.2.2-2",
        )
    if profile.response_signature_required and not hybrid and not signed:
        raise InvalidRequest(
            f"the response must be signed: send response_type {HYBRID}, or response_mode=jwt",
            clause=profile.clause("response_signature_required"),
        )
    return "query.jwt" if mode == "jwt" else mode


def _unasked(members: Mapping[str, Any], signed: bool, profile: Profile) -> bool:
    """Whether no mode was requested, and another rule gives a better reason for the refusal."""
    return "response_mode" not in members and not signed and profile.response_signature_required
