"""The response to a user if a call to the bank fails: sign in again, sign in in a stronger way, or try again later.

A browser that navigates gets a page with a button that begins the login. Any other request gets the same as JSON.
Neither shows more: the details are in the log.

Spec: RFC 9470 4, 5; RFC 9110 10.2.3, 15.5.4
Role: C
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fapikit import strict_json
from fapikit.errors import FapiError, Remedy, StoreError, TransportError
from fapikit.parameters import parse_parameters
from rpkit.errors import GrantEnded, NoAccessToken, ServerBusy, StepUpRequired
from rpkit.web.messages import PRIVATE_HEADERS, WebAnswer, WebRequest
from rpkit.web.pages import page

BANK_PROBLEMS: Final = (GrantEnded, NoAccessToken, StepUpRequired, TransportError, StoreError)
"""The errors that `answer_to` can answer."""

_AGAIN: Final = "Your bank wants you to sign in again before it goes on."
_STRONGER: Final = "Your bank wants you to confirm who you are before it does this."
_LATER: Final = "Your bank cannot be reached right now. Please try again later."
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")
_LONGEST: Final = 500


def answer_to(error: Exception, request: WebRequest, *, login_path: str) -> WebAnswer | None:
    """The response to the user, or None for an error that the user cannot solve: such an error stays an exception.

    An error that is not a FapiError counts as a bank that cannot be reached.
    """
    if isinstance(error, StepUpRequired):
        asked = {name: value for name, value in _carried(error).items() if value}
        login = f"{login_path}?{urlencode(asked)}" if asked else login_path
        return _sign_in(request, "step_up_required", _STRONGER, login, error.parameters)
    remedy = error.remedy if isinstance(error, FapiError) else Remedy.RETRY_LATER
    if remedy is Remedy.SIGN_IN_AGAIN:
        return _sign_in(request, "sign_in_again", _AGAIN, login_path, {})
    if remedy is Remedy.RETRY_LATER:
        wait = error.retry_after if isinstance(error, ServerBusy) else None
        headers = () if wait is None else (("retry-after", str(int(wait) + 1)),)
        return _answer(request, 503, "temporarily_unavailable", f"<p>{_LATER}</p>", {}, headers)
    return None


def asked_step_up(request: WebRequest) -> dict[str, Any]:
    """The parameters for `begin` in the URL of the button's form. `may_start` has accepted the request before.

    They decide nothing: the API checks the login that follows.
    """
    query = parse_parameters(urlsplit(request.url).query)
    acr_values, max_age = query.get("acr_values", ""), query.get("max_age", "")
    asked: dict[str, Any] = {}
    if 0 < len(acr_values) <= _LONGEST:
        asked["acr_values"] = tuple(acr_values.split())
    if _SECONDS.match(max_age):
        asked["max_age"] = int(max_age)
    return asked


def _carried(error: StepUpRequired) -> dict[str, str]:
    acr_values = " ".join(error.acr_values)
    return {
        "acr_values": acr_values if len(acr_values) <= _LONGEST else "",
        "max_age": "" if error.max_age is None else str(error.max_age),
    }


def _sign_in(
    request: WebRequest, code: str, sentence: str, login: str, further: Mapping[str, Any]
) -> WebAnswer:
    action = html.escape(login, quote=True)
    form = f'<p>{sentence}</p><form method="post" action="{action}"><button>Sign in</button></form>'
    return _answer(request, 403, code, form, {"login": login, **further}, ())


def _answer(
    request: WebRequest,
    status: int,
    code: str,
    body: str,
    members: Mapping[str, Any],
    headers: tuple[tuple[str, str], ...],
) -> WebAnswer:
    if "text/html" in request.headers.get("accept", ""):
        # No form-action: some browsers would apply it to the redirect to the bank and block it.
        return page("Your bank", body, "base-uri 'none'", status=status, headers=headers)
    json = strict_json.dump({"error": code, **members}).decode()
    return WebAnswer(status, (("content-type", "application/json"), *PRIVATE_HEADERS, *headers), json)
