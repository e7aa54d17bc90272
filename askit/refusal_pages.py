"""The pages for refusals: what happened, what is still valid, and a reference that is in the log too.

Spec: FAPI2-SP 5.3.2.2 N3; RFC 9126 4b
Role: AS
"""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from askit import wire_errors
from askit.core import Core
from askit.errors import AnsweredBefore
from askit.users import grants as user_grants
from askit.users.sessions import read_browser
from fapikit.errors import FapiError, StoreError


async def refusal_page(core: Core, request: Request, error: FapiError, reference: str) -> Response:
    """The page for this error. A grant is shown only to the user who granted it."""
    status = wire_errors.status_of(error)
    if isinstance(error, AnsweredBefore):
        with suppress(StoreError):
            return await _answered(core, request, error, reference)
    answer = core.pages.refused(error, wire_errors.told(error), status, reference)
    answer.headers.update(wire_errors.later(error))
    return answer


async def _answered(core: Core, request: Request, error: AnsweredBefore, reference: str) -> Response:
    """Raises StoreError."""
    browser = await read_browser(core, request)
    grant = await user_grants.find(core, error.grant_id) if error.grant_id else None
    if grant is not None and (browser.session is None or browser.session.username != grant.username):
        grant = None
    client_name = "" if grant is None else await core.clients.name_of(grant.client_id)
    return core.pages.answered(
        user=None if grant is None else core.users.find(grant.username),
        grant=grant,
        client_name=client_name,
        config=core.config,
        clause=error.clause,
        reference=reference,
    )
