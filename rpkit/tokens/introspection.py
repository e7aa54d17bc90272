"""Introspection of a token of this client: is it active, what is it for, and is it bound to the right key?

Spec: RFC 7662 2.1; RFC 9701 4a, 5a; FAPI2-MS 5.5.2-1, -2; RFC 9449 6; RFC 8705 3.2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit import introspection
from fapikit.flow import Flow
from fapikit.secrets import Concealed, Secret
from rpkit.bank import Bank
from rpkit.errors import UnboundToken
from rpkit.tokens.token_set import TokenSet, require_own


@dataclass(frozen=True, slots=True)
class Introspection:
    """The response of the server. `claims` is empty for a token that is not active."""

    active: bool
    claims: Mapping[str, Any] = field(repr=False)


def introspect(
    bank: Bank, token: TokenSet | Concealed[str] | str, *, resource: str | None = None
) -> Flow[Introspection]:
    """If the profile or the registration demands a signed response, an unsigned one is refused.

    Raises TransportError (also UnusableAnswer); UnboundToken if a token of a set is not bound to the DPoP key, or the
    client certificate, of that set.
    """
    settings = bank.settings
    token = Secret(token) if isinstance(token, str) else token
    if isinstance(token, TokenSet):
        require_own(token, bank.issuer, settings.client_id)
    registered = settings.introspection_signed_response_alg
    decryption = bank.decryption("introspection")
    signed = registered is not None or decryption is not None or bank.profile.signed_introspection_required
    value = token.access_token_for(resource) if isinstance(token, TokenSet) else token
    members = yield from introspection.introspect(
        bank.endpoint("introspection_endpoint"),
        value,
        client_id=settings.client_id,
        issuer=bank.issuer,
        auth=settings.auth,
        clock=settings.clock,
        random_bytes=settings.random_bytes,
        signed=signed,
        keys=bank.key_source() if signed else None,
        algorithms=bank.algorithms(registered, "introspection_signing_alg_values_supported")
        if signed
        else (),
        decryption=decryption,
        skew=bank.profile.clock_skew,
        assertion_audience=bank.assertion_audience,
    )
    if not members["active"]:
        return Introspection(False, {})
    if isinstance(token, TokenSet):
        _require_bound(members, token, resource)
    return Introspection(True, members)


def _require_bound(members: Mapping[str, Any], tokens: TokenSet, resource: str | None) -> None:
    cnf, token = members.get("cnf", {}), tokens.find(resource)
    if tokens.dpop is not None and cnf.get("jkt") != tokens.dpop.jkt:
        raise UnboundToken(
            "according to the server, this token is not bound to the key of its login: revoke it, and sign in again",
            facts={"member": "cnf.jkt"},
        )
    if token is not None and token.x5t_s256 is not None and cnf.get("x5t#S256") != token.x5t_s256:
        raise UnboundToken(
            "according to the server, this token is not bound to the client certificate that it was requested with:"
            " revoke it, and tell the server (is tls_client_certificate_bound_access_tokens registered?)",
            clause="RFC 8705 3.2",
            facts={"member": "cnf.x5t#S256"},
        )
