"""A ResourceServer as the `TokenVerifier` of the official MCP SDK, for users of the SDK's own bearer middleware.

    MCPServer("notes", token_verifier=Verifier(resource_server), auth=AuthSettings(...))

The SDK passes only the token and nothing else of the request: no proof, no certificate. So a bound token is refused,
and a resource server that requires bound tokens cannot be used here. `asgi_mw.Protect` around the SDK's app accepts
both.

Spec: RFC 6750 2.1; RFC 9449 7.1a; RFC 8705 3b
Role: RS
Not checked here: possession.
"""

from __future__ import annotations

from collections.abc import Generator

from mcp.server.auth.provider import AccessToken

from fapikit.clauses import clause_in_force
from fapikit.errors import ConfigurationError
from fapikit.secrets import Secret
from rskit.decision import Allow, CannotDecide
from rskit.policy.middleware_arguments import require_resource_server
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from rskit.tokens.token import Token


class Verifier:
    """Raises ConfigurationError for a resource server that accepts only bound tokens."""

    def __init__(self, resource_server: ResourceServer) -> None:
        require_resource_server(resource_server, "Verifier(resource_server)")
        if resource_server.require_bound:
            raise ConfigurationError(
                "the MCP SDK's bearer middleware passes no proof and no certificate, but this resource server accepts "
                "only bound tokens: put asgi_mw.Protect around the SDK's app instead",
                clause=clause_in_force("FAPI2-SP 5.3.4-5", resource_server.profile),
            )
        self._server = resource_server

    async def verify_token(self, token: str) -> AccessToken | None:
        """None for an invalid token. Raises TransportError if that cannot be decided now; the answer is then 500."""
        secret = Secret(token)
        del token  # while this waits, the frame holds the token only in concealed form
        decision = self._server.check(RequestView("POST", "/", "", (f"Bearer {secret.reveal()}",), ()))
        if isinstance(decision, Generator):
            decision = await self._server.async_driver.run(decision)
        if isinstance(decision, CannotDecide):
            raise decision.error
        if not isinstance(decision, Allow):
            return None
        return _as_the_sdk_has_it(secret.reveal(), decision.token, self._server)


def _as_the_sdk_has_it(token: str, found: Token, server: ResourceServer) -> AccessToken:
    """`iss` is added beside `sub`, because the SDK distinguishes principals by both."""
    return AccessToken(
        token=token,
        client_id=found.client_id or "",
        scopes=sorted(found.scopes),
        expires_at=None if found.expires_at is None else int(found.expires_at),
        resource=server.resource,
        subject=found.subject,
        claims={**found.claims, "iss": found.issuer},
    )
