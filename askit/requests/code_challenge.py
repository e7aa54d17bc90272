"""The PKCE challenge of an authorization request: when there must be one, and what it must be.

Spec: RFC 7636 4.4.1; RFC 9700 2.1.1a; FAPI2-SP 5.3.2.2-5; FAPI1-BL 5.2.2-7; FAPI1-ADV 5.2.2-18
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from askit.clients.client import Client
from askit.errors import InvalidRequest
from fapikit import pkce
from fapikit.profiles import Profile
from fapikit.quirks import Quirk


def read_code_challenge(
    profile: Profile, members: Mapping[str, Any], client: Client, scopes: Sequence[str], *, pushed: bool
) -> str | None:
    """The challenge; None where the request does without. Raises InvalidRequest."""
    challenge, method = members.get("code_challenge"), members.get("code_challenge_method")
    # Under such a profile only a pushed request needs one (FAPI1-ADV 5.2.2-18).
    setting = "pkce_required_when_pushed" if profile.pkce_required_when_pushed else "pkce_required"
    if challenge is None:
        # RFC 9700 2.1.1: nothing but PKCE protects a public client, or one without a nonce.
        unprotected = client.auth_method == "none" or "openid" not in scopes or "nonce" not in members
        if _is_due(profile, pushed=pushed, unprotected=unprotected):
            raise InvalidRequest("code_challenge is missing", clause=profile.clause(setting))
        if method is not None:
            raise InvalidRequest("code_challenge_method without code_challenge", clause="RFC 7636 4.4.1")
        return None
    if method != pkce.METHOD:
        raise InvalidRequest("code_challenge_method must be S256", clause=profile.clause(setting))
    if not pkce.is_challenge(challenge):
        raise InvalidRequest("code_challenge is not a SHA-256 hash in base64url", clause="RFC 7636 4.4.1")
    return str(challenge)


def _is_due(profile: Profile, *, pushed: bool, unprotected: bool) -> bool:
    """Whether the profile asks for a challenge. A quirk lets those do without it whom a nonce protects."""
    relaxed = profile.is_relaxed_by(Quirk.PKCE_OPTIONAL)
    if profile.pkce_required_when_pushed:
        return pushed and (unprotected or not relaxed)
    return profile.pkce_required or (relaxed and unprotected)
