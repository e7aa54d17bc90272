"""An MCP server that is an OAuth protected resource: the SDK's Starlette app, with `asgi_mw.Protect` around it.

The SDK needs to know the name of its host. Protect answers 401 with `resource_metadata`, serves that document
(RFC 9728), and accepts requests with a token for this server. A client of the SDK does the rest by itself.

    uvicorn --factory examples.mcp_server:from_environment        # with RESOURCE and ISSUER set
"""

from __future__ import annotations

import os
from typing import Any, cast
from urllib.parse import urlsplit

from mcp.server.mcpserver import Context, MCPServer
from starlette.requests import Request

import asgi_mw
from asgi_mw.starlette import token_of
from fapikit import HttpSettings
from rskit import Issuer, ResourceDescription, ResourceServer

NOTES = {"alice": ["buy milk", "call the bank"]}


def create_app(resource: str, issuer: str, http: HttpSettings | None = None) -> asgi_mw.Protect:
    """`resource` is the URL that clients call, such as https://mcp.example/mcp: the audience of its tokens."""
    server = MCPServer("notes")

    @server.tool()
    def list_notes(context: Context[Any, Any]) -> list[str]:
        """The notes of the user who is the token's subject."""
        token = token_of(cast(Request, context.request_context.request))  # the HTTP request of this call
        return NOTES.get(token.subject or "", [])

    resource_server = ResourceServer(
        resource=resource,
        issuers=[Issuer(issuer)],
        http=http,
        description=ResourceDescription(scopes=("notes",), extra=(("resource_name", "Notes"),)),
    )
    # By default the SDK takes requests for localhost alone. Whoever rebinds DNS has no token.
    app = server.streamable_http_app(stateless_http=True, host=urlsplit(resource).hostname or "localhost")
    return asgi_mw.Protect(app, resource_server)


def from_environment() -> asgi_mw.Protect:
    return create_app(os.environ["RESOURCE"], os.environ["ISSUER"])
