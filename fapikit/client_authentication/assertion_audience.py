"""The `aud` of client assertions: the issuer, unless a server demands its token endpoint or another name.

Spec: rfc7523bis 4a; RFC 7523 3-3; FAPI2-SP 5.3.3.1-5
Role: C, RS
"""

from __future__ import annotations

from typing import Final

from fapikit.metadata import ServerMetadata
from fapikit.profile import Profile

ISSUER: Final = "issuer"
TOKEN_ENDPOINT: Final = "token_endpoint"


def check_assertion_audience(audience: str, profile: Profile) -> None:
    """`audience`: one of the constants above, or a name that the server has chosen. Raises ForbiddenByProfile."""
    if audience == TOKEN_ENDPOINT:
        profile.require(
            audience in profile.assertion_audiences,
            "assertion_audience must be the issuer; for a bank that demands the token endpoint, the profile needs"
            " Quirk.TOKEN_ENDPOINT_AUDIENCE",
            "assertion_audiences",
        )
    elif audience != ISSUER:
        profile.require(
            bool(audience) and profile.named_assertion_audience,
            "assertion_audience must be the issuer; for a bank that demands a name of its own, the profile needs"
            " Quirk.NAMED_ASSERTION_AUDIENCE",
            "named_assertion_audience",
        )


def assertion_audience_at(metadata: ServerMetadata, audience: str, *, mtls: bool) -> str:
    """The `aud` of the assertions. Raises MissingMetadata; InsecureUrl, MalformedMessage for an unusable URL."""
    if audience == TOKEN_ENDPOINT:
        return metadata.endpoint("token_endpoint", mtls=mtls)
    return metadata.issuer if audience == ISSUER else audience
