"""The response to a server that fetches a request object from this site. See `rpkit.login.hosted_request`.

Spec: RFC 9101 5.2.2, 10.4; RFC 9110 9.3.2
Role: C
"""

from __future__ import annotations

from fapikit.errors import FapiError, StoreError, TransportError
from rpkit.web.messages import PRIVATE_HEADERS, WebAnswer, text_answer

_TYPE = ("content-type", "application/oauth-authz-req+jwt")


def fetched(request_object: str | None) -> WebAnswer:
    """The request object; a 404 if there is none with this name any more."""
    if request_object is None:
        return text_answer(404, "Not here.")
    return WebAnswer(200, (_TYPE, *PRIVATE_HEADERS), request_object)


def not_fetched(error: FapiError) -> WebAnswer:
    """The response if the store cannot tell. A server reads it, not a user."""
    status = 503 if isinstance(error, TransportError | StoreError) else 500
    return text_answer(status, "Not now.")
