"""How an error looks: in a traceback, in the logs of an API and of the authorization server, and on the wire.

Role: RP, RS, AS
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from askit import wire_errors
from fapikit.errors import FapiError
from rskit.answers.challenge import ChallengeRules, refuse
from rskit.answers.trace import level_of, trace_of

_RULES: Final = ChallengeRules(
    offered=("DPoP", "Bearer"),
    algorithms=("ES256", "PS256"),
    resource_metadata="https://api.example/.well-known/oauth-protected-resource",
    nonces=None,
)
_NOW: Final = 1_800_000_000.0
_ALGORITHMS: Final = frozenset({"ES256", "PS256"})


def traceback_of(error: FapiError) -> str:
    """The end of the traceback: the class, the message, the clause, what to do, the facts."""
    return "".join(traceback.format_exception_only(error)).rstrip()


def log_line_of_api(error: FapiError, scheme: str) -> str:
    refusal = refuse(error, scheme or None, _RULES, _NOW)
    trace = trace_of(refusal, scheme=scheme or None, method="GET", interaction_id=None)
    level = logging.getLevelName(level_of(refusal))
    return f"{level} rskit: refused: {trace}"


def answer_of_api(error: FapiError, scheme: str) -> str:
    refusal = refuse(error, scheme or None, _RULES, _NOW)
    return _http(refusal.status, refusal.headers, refusal.body)


class _Line:
    """What stands in for the log of the server, and keeps its line."""

    line = ""

    def log(self, level: int, message: str, *arguments: object) -> None:
        self.line = f"{logging.getLevelName(level)} askit: {message % arguments}".rstrip()


def log_line_of_server(error: FapiError, where: str) -> str:
    log: Any = _Line()
    wire_errors.log_refusal(error, where, log)
    return str(log.line)


def answer_of_server(error: FapiError, form: str) -> str:
    """`form`: `json` for an endpoint that programs call, `challenge` for UserInfo, `redirect` through the browser."""
    if form == "redirect":
        sent = {"error": wire_errors.code_of(error), "error_description": wire_errors.describe(error)}
        query = urlencode({**sent, "state": "af0ifjsldkj", "iss": "https://bank.example"})
        return _http(303, [("location", f"https://fintech.example/callback?{query}")], b"")
    if form == "page":
        message, clause = wire_errors.told(error)
        text = f"(a page with the reference that the log has) {message}" + (f" [{clause}]" if clause else "")
        return _http(
            wire_errors.status_of(error), [("content-type", "text/html; charset=utf-8")], text.encode()
        )
    if form == "challenge":
        response = wire_errors.challenge_answer(error, scheme="DPoP", algorithms=_ALGORITHMS)
    else:
        response = wire_errors.error_answer(error)
    return _http(response.status_code, response.headers.items(), bytes(response.body))


def _http(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> str:
    """An answer as text. The headers that say nothing about the error are left out."""
    told = [f"{name}: {value}" for name, value in headers if name != "content-length"]
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *told]
    if body:
        lines += ["", json.dumps(json.loads(body), indent=2) if body.startswith(b"{") else body.decode()]
    return "\n".join(lines)
