"""The errors of claims that another issuer than the bank says. See the tree in `rpkit.errors`."""

from __future__ import annotations

from fapikit.errors import MessageError


class ClaimsSourceError(MessageError):
    """A source of claims (`_claim_sources`) cannot be used. Only the claims of this source are lost."""

    clause = "OIDC 5.6.2"


class UnknownClaimsSource(ClaimsSourceError):
    """No setting trusts the issuer of a source, or names the endpoint where it is to be fetched."""
