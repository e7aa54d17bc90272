"""How refusals are sent: JSON for programs, a page for people. Nothing else writes errors.

Code and message are sent, in the characters that RFC 6749 allows. Facts stay in the log.

Spec: RFC 6749 5.2; RFC 6750 3; RFC 9449 5b, 7.1b, 8, 9; RFC 9126 2.3
Role: AS
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from askit.config.error_styles import ErrorStyle, oauth
from askit.errors import InvalidRequest, InvalidToken, Refused, ServerError
from askit.log_budget import BudgetedLogger
from askit.messages import json_answer
from fapikit.errors import (
    ConfigurationError,
    DPoPError,
    FapiError,
    NonceRequired,
    StoreError,
    StoreForgot,
    TransportError,
)
from fapikit.refusals import tell
from fapikit.tracebacks import bare

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
_NOT_ALLOWED = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def told(error: FapiError) -> tuple[str, str]:
    """The message and the clause for the client. What this server could not reach, and why, is only in its log."""
    if isinstance(error, StoreError | TransportError):
        return "this cannot be decided now: try again soon", ""
    return error.message, error.clause


def describe(error: FapiError) -> str:
    """The message with its clause, in the characters of `error_description` (RFC 6749 5.2)."""
    message, clause = told(error)
    return _NOT_ALLOWED.sub("'", f"{message} [{clause}]" if clause else message)[:300]


def status_of(error: FapiError) -> int:
    """503 if the request cannot be decided; else the status of the refusal."""
    if isinstance(error, StoreError | TransportError):
        return 503
    if isinstance(error, Refused):
        return error.status
    if error.code == "invalid_client":
        return 401
    if isinstance(error, ConfigurationError):
        return 500
    return 400


def later(error: FapiError) -> dict[str, str]:
    """`Retry-After` for a request that cannot be decided now, or that came too often."""
    if status_of(error) not in (429, 503):
        return {}
    return {"retry-after": str(ceil(error.retry_after) if isinstance(error, StoreForgot) else 1)}


def code_of(error: FapiError) -> str:
    if isinstance(error, StoreError | TransportError):
        return "temporarily_unavailable"
    if isinstance(error, ConfigurationError):
        return "server_error"
    return error.code or "invalid_request"


def place_of(request: Request) -> str:
    """The path for the log, without the parts that the caller chose."""
    return "/".join([*request.url.path.split("/")[:-1], "..."]) if request.path_params else request.url.path


def refusal_of(
    raised: Exception, where: str, log: BudgetedLogger, client: Mapping[str, str] = NOBODY
) -> FapiError:
    """Log the refusal and return it. An unforeseen exception becomes a ServerError without its text.

    `client`: as `known_client` tells it.
    In both cases the frames are removed: whoever still holds the error finds no code and no password in them.
    """
    if isinstance(raised, UnicodeError):
        raised = InvalidRequest("the request has text that is not Unicode", clause="RFC 8259 8.1")
    if isinstance(raised, FapiError):
        log_refusal(raised, where, log, client)
        return raised
    frames = traceback.extract_tb(raised.__traceback__)[-3:]
    at = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    # The exception's text may contain what a client sent, so it is not logged.
    log.error("%s failed: %s at %s %s", where, type(raised).__name__, at, _listed(client))
    bare(raised)
    return ServerError("this server failed; its log has the details")


def log_refusal(
    error: FapiError, where: str, log: BudgetedLogger, client: Mapping[str, str] = NOBODY
) -> None:
    """One line in the log: code, name of the error, message with its rule, client, facts. None of them is a secret.

    The frames are removed.
    """
    bare(error)
    tell(error)
    level = logging.ERROR if status_of(error) >= 500 else logging.INFO
    facts = _listed({**client, **error.facts})
    log.log(level, "%s refused: %s (%s): %s %s", where, code_of(error), type(error).__name__, error, facts)


def _listed(facts: Mapping[str, str]) -> str:
    """A fact may be as long as whoever asks wants, such as the subject of a certificate. So its beginning is told."""
    return " ".join(f"{name}={value!r:.300}" for name, value in facts.items())


def error_answer(error: FapiError, *, basic: bool = False, status: int | None = None) -> Response:
    """The JSON answer of an endpoint that clients and APIs call directly."""
    headers = later(error)
    status = status or status_of(error)
    if isinstance(error, NonceRequired):
        headers["dpop-nonce"] = error.nonce
    if isinstance(error, InvalidToken):
        headers["www-authenticate"] = f'Bearer error="{code_of(error)}"'
    elif status == 401 and basic:
        headers["www-authenticate"] = 'Basic realm="token endpoint"'
    return json_answer({"error": code_of(error), "error_description": describe(error)}, status, headers)


def challenge_answer(
    error: FapiError, *, scheme: str, algorithms: frozenset[str], errors: ErrorStyle = oauth
) -> Response:
    """The answer of a protected resource (UserInfo). The challenge gives the error."""
    status = status_of(error)
    if isinstance(error, DPoPError) or error.code == "invalid_dpop_proof":
        status = 401
    headers = later(error)
    if status in (401, 403):
        parameters = [f'error="{code_of(error)}"', f'error_description="{describe(error)}"']
        if scheme == "DPoP":
            parameters.append(f'algs="{" ".join(sorted(algorithms))}"')
        headers["www-authenticate"] = f"{scheme} {', '.join(parameters)}"
    if isinstance(error, NonceRequired):
        headers["dpop-nonce"] = error.nonce
    return json_answer(errors(status, code_of(error), describe(error)), status, headers)
