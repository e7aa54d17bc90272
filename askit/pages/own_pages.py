"""Tests the bank's own pages at start-up: each must render, and must show and send the required parts.

The templates do not protect the pages: every page has security headers, and a form without its token is refused. But
only customers would notice a page without the token, the client or the requested access. So it is refused here.

Spec: FAPI2-SP 5.3.2.2-13; RFC 9700 4.7, 4.16
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, Final

from jinja2 import TemplateSyntaxError
from markupsafe import escape
from starlette.responses import Response

from askit.clients.client import Client
from askit.config.settings import Config
from askit.config.values import User
from askit.errors import InvalidRequest
from askit.pages.catalogues import LANGUAGES
from askit.pages.languages import prefer_locales
from askit.pages.pages import Pages, WaitingEntry
from askit.pages.templates import unusable_template
from askit.records import Grant, PushedRequest, WaitingRequest
from fapikit.grant_management import MERGE
from fapikit.secrets import Secret

_MARKUP: Final = "<i>sample</i>"
_NAME: Final = f"Sample Client {_MARKUP}"
_TOKEN: Final = "sample-form-token"
_URI: Final = "urn:sample:request"
_REFERENCE: Final = "sample-reference"
_BACK: Final = "https://sample.example/callback"
_CLIENT: Final = Client(client_id="sample-client", metadata={"client_name": _NAME})
_HOST: Final = "sample.documents.example"
_USER: Final = User(username="Sample User", password=Secret("sample"))
_DETAIL: Final = {
    "type": "sample",
    "amount": "12.34 SMP",
    "creditorName": f"Sample Payee {_MARKUP}",
    "note": "sample note",
}
_GRANT: Final = Grant(
    grant_id="sample-grant",
    client_id="sample-client",
    username="Sample User",
    sub="sample",
    scopes=("sample-scope",),
    resources=(),
    authorization_details=(_DETAIL,),
    created_at=0,
    expires_at=2 * 86_400,  # the midnight after 1970-01-02, which is its last day
    auth_time=0,
    acr="sample",
)
_MESSAGE: Final = "sample message"
_ASKED: Final[dict[str, Any]] = {
    "client_id": "sample-client",
    "scopes": _GRANT.scopes,
    "authorization_details": (_DETAIL,),
    "created_at": 0,
    "expires_at": 86_400,
}
_PUSHED: Final = PushedRequest(**_ASKED, redirect_uri=_BACK, response_mode="query")
_WAITING: Final = WaitingRequest(
    **_ASKED,
    binding_message=_MESSAGE,
    grant_type="sample",
    interval=5,
    user_code="SMPL-CODE",
    address="192.0.2.1",
)
_FORM: Final = ('name="csrf"', _TOKEN)
_REQUEST: Final = ('name="client_id"', "sample-client", 'name="request_uri"', _URI)
_GRANTED: Final = (str(escape(_NAME)), "sample-scope", "12.34 SMP", "Sample Payee", "sample note")


def check_own_pages(pages: Pages, config: Config) -> None:
    """Raise ConfigurationError for a page that cannot be rendered, or lacks a required part."""
    for language in LANGUAGES:
        copy_context().run(_check, pages, config, language)


def _check(pages: Pages, config: Config, language: str) -> None:
    prefer_locales((language,))
    for name, make, wanted in _samples(pages, config):
        try:
            text = bytes(make().body).decode()
        except Exception as error:
            at = f" at {error.name}:{error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
            raise unusable_template(
                f"{name} cannot be rendered in {language}{at}: {type(error).__name__}: {error}"
            ) from error
        for part in wanted:
            if part not in text:
                raise unusable_template(f"{name} leaves out {part}, which this page must have")
        if _MARKUP in text:
            raise unusable_template(
                f"{name} does not escape text from others: remove the filter that marks it as safe"
            )


def _samples(pages: Pages, config: Config) -> Iterator[tuple[str, Callable[[], Response], tuple[str, ...]]]:
    """Each page by the name of its template: how it is rendered, and its required parts."""
    request: dict[str, Any] = {"csrf": _TOKEN, "request_uri": _URI, "leads_to": _BACK}
    for wrong in (False, True):
        login = partial(
            pages.login, client_name=_NAME, client_id=_CLIENT.client_id, username="", wrong=wrong, **request
        )
        yield "login.html", login, (*_FORM, *_REQUEST, 'name="username"', 'name="password"', "/login")
        step_up = partial(pages.step_up, client=_CLIENT, username=_USER.username, wrong=wrong, **request)
        yield "step_up.html", step_up, (*_FORM, *_REQUEST, 'name="pin"', "/step_up")
    documents = config.client_metadata_documents is not None
    client, host = (replace(_CLIENT, document_host=_HOST), (_HOST,)) if documents else (_CLIENT, ())
    consent = partial(
        pages.consent,
        client=client,
        user=_USER,
        request=_PUSHED,
        config=config,
        until=_GRANT.expires_at,
        before=(_GRANT, None),
        **request,
    )
    decisions = ('name="decision"', 'value="approve"', 'value="deny"', "/decision")
    said = (*_GRANTED, *host, _USER.username, "https://sample.example", "1970-01-02")
    yield "consent.html", consent, (*_FORM, *_REQUEST, *decisions, *said)
    compared = (_WAITING.user_code, _WAITING.address, _MESSAGE)
    yield "consent.html", partial(consent, request=_WAITING), (*decisions, *compared)
    merged = replace(
        _PUSHED, grant_management_action=MERGE, scopes=("other-scope",), authorization_details=()
    )
    change = partial(consent, request=merged, changed=_GRANT)
    yield "consent.html", change, (*decisions, "other-scope", "1970-01-01", *_GRANTED)
    waiting = [WaitingEntry(client, _WAITING, _URI, _TOKEN, None, _GRANT.expires_at)]
    asked = partial(pages.authentication_device, user=_USER, waiting=waiting, config=config, now=0)
    pending = (*_GRANTED, *host, _USER.username, _MESSAGE)
    yield "authentication_device.html", asked, (*_FORM, *_REQUEST, *decisions, *pending)
    for wrong in (False, True):
        user_code = partial(pages.user_code, csrf=_TOKEN, wrong=wrong)
        yield "user_code.html", user_code, (*_FORM, 'name="user_code"', "/device")
    device = partial(pages.device, client=_CLIENT, request=_WAITING, csrf=_TOKEN, request_uri=_URI)
    answers = ('name="holds"', 'value="yes"', 'value="no"', "/device/confirm")
    shown = (str(escape(_NAME)), _WAITING.user_code, _WAITING.address)
    yield "device.html", device, (*_FORM, *_REQUEST, *answers, *shown)
    for approved in (False, True):
        decided = partial(pages.decided, client_name=_NAME, approved=approved, asked_here=approved)
        yield "decided.html", decided, (str(escape(_NAME)),)
    grants = partial(pages.grants, user=_USER, config=config, csrf=_TOKEN, start=None, older=None)
    ends = ('name="grant_id"', _GRANT.grant_id, "/grants/end")
    yield "grants.html", partial(grants, grants=[(_GRANT, _NAME, None)]), (*_FORM, *_GRANTED, *ends)
    carried = {"sample-field": "sample-value"}
    sign_out = partial(pages.sign_out, user=_USER, client_name=_NAME, csrf=_TOKEN, leads_to=_BACK)
    yield "sign_out.html", partial(sign_out, carried=carried), (*_FORM, *carried, "sample-value", "/logout")
    yield "signed_out.html", pages.signed_out, ()
    answered = partial(pages.answered, user=_USER, grant=_GRANT, client_name=_NAME, config=config, clause="")
    yield "answered.html", partial(answered, reference=_REFERENCE), (*_GRANTED, _REFERENCE)
    refused = partial(pages.refused, InvalidRequest("sample"), (_MARKUP, ""), 400)
    yield "refused.html", partial(refused, reference=_REFERENCE), (_REFERENCE,)
    form_post = partial(pages.form_post, _BACK, {"sample-field": _MARKUP})
    yield "form_post.html", form_post, (_BACK, "sample-field", "<script>", "<button")
