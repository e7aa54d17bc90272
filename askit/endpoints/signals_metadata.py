"""What receivers of Shared Signals read of this server, at `/.well-known/ssf-configuration`.

Spec: SSF 7.1, 7.2
Role: AS
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from askit.core import Core
from askit.messages import public_json
from fapikit.signals.event_types import POLL, PUSH


async def signals_metadata(core: Core, _request: Request) -> Response:
    return public_json(build_signals_metadata(core), max_age=300)


def build_signals_metadata(core: Core) -> dict[str, Any]:
    return {
        "spec_version": "1_0",
        "issuer": core.config.issuer,
        "jwks_uri": core.endpoint("jwks"),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": core.endpoint("event_streams"),
        "status_endpoint": core.endpoint("event_streams/status"),
        "add_subject_endpoint": core.endpoint("event_streams/add_subject"),
        "remove_subject_endpoint": core.endpoint("event_streams/remove_subject"),
        "verification_endpoint": core.endpoint("event_streams/verification"),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }
