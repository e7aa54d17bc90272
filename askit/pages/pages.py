"""The pages for users: login, consent, grants, sign-out, errors. They work with keyboard and screen reader and without
JavaScript, and load nothing from another host.

`form-action` also names the client's origin, because a browser applies it to the redirect after a form too.

Spec: RFC 9700 4.2.4, 4.12, 4.16; FAPI2-SP 5.2.3-1, 5.3.2.2-13; FAPI1-BL 5.2.2-17
Role: AS
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from askit.clients.client import Client
from askit.clients.redirect_uris import is_private_use
from askit.config.settings import Config
from askit.config.values import User
from askit.errors import InvalidRequestUri, StaleForm
from askit.pages.about import about
from askit.pages.catalogues import LANGUAGES, Catalogue, Texts
from askit.pages.entries import asked, changing, day, decided_at, device, entry, last_day, minute
from askit.pages.languages import spoken
from askit.pages.refusals import describe_refusal
from askit.pages.templates import Templates
from askit.pages.words import describe_user
from askit.records import AuthorizationRequest, Grant, WaitingRequest
from fapikit.errors import FapiError
from fapikit.urls import origin_of

_OWN_PAGES: Final = {
    "grants": "login_for_grants",
    "authentication_device": "login_for_authentication_device",
    "device": "login_for_device",
}
"""What a user signs in for, if it is for no client."""
_LOOK_AGAIN: Final = "10"
"""Seconds after which an authentication device on which nothing waits asks again."""
_SUBMIT: Final = "document.forms[0].submit()"
_SUBMIT_HASH: Final = base64.b64encode(hashlib.sha256(_SUBMIT.encode()).digest()).decode()


class WaitingEntry(NamedTuple):
    """A request on the page of the authentication device. `uri` and `csrf`: of its form.

    `changed`: the grant that it merges or replaces. `until`: when the requested access ends.
    """

    client: Client
    request: WaitingRequest
    uri: str
    csrf: str
    changed: Grant | None
    until: float


class Pages:
    """Renders every page of one server. `path`: the path of the issuer. `name`: the name of the bank.

    `texts`: the texts that the bank has replaced, by language and key. `templates`: the bank's own pages.
    """

    def __init__(self, *, name: str, path: str, texts: Mapping[str, Texts], templates: Templates) -> None:
        self._name = name
        self._path = path
        self._catalogues = {language: Catalogue(language, texts.get(language)) for language in LANGUAGES}
        self.templates = templates

    def login(
        self,
        *,
        client_name: str | None,
        csrf: str,
        client_id: str,
        request_uri: str,
        username: str,
        wrong: bool,
        leads_to: str | None,
        own_page: str = "grants",
    ) -> Response:
        """`own_page`: which page of this server is seen next, if the sign-in is for no client."""
        return self._page(
            "login.html",
            status=401 if wrong else 200,
            leads_to=leads_to,
            client_name=client_name,
            csrf=csrf,
            client_id=client_id,
            request_uri=request_uri,
            username=username,
            wrong=wrong,
            own_page=_OWN_PAGES[own_page],
        )

    def step_up(
        self,
        *,
        client: Client,
        username: str,
        csrf: str,
        request_uri: str,
        wrong: bool,
        leads_to: str | None,
    ) -> Response:
        return self._page(
            "step_up.html",
            status=401 if wrong else 200,
            leads_to=leads_to,
            client_name=client.name,
            username=username,
            csrf=csrf,
            client_id=client.client_id,
            request_uri=request_uri,
            wrong=wrong,
        )

    def consent(
        self,
        *,
        client: Client,
        user: User | None,
        request: AuthorizationRequest,
        config: Config,
        until: float,
        before: tuple[Grant, float | None] | None,
        changed: Grant | None = None,
        csrf: str,
        request_uri: str,
        leads_to: str | None,
    ) -> Response:
        """`until`: when the requested access ends. `before`: the last grant for this client, and its last use.
        `changed`: the grant that the request merges or replaces.

        Of a request that nobody redirects, it is shown what the user compares: the device, or the binding message.
        """
        say = self._catalogue
        waiting = request if isinstance(request, WaitingRequest) else None
        told = about(client, config.logo_origins)
        return self._page(
            "consent.html",
            leads_to=leads_to,
            images_of=told.logo_origin,
            about=told,
            client=client,
            person=describe_user(user, self._catalogue),
            **asked(request, user, config, say),
            **changing(request, changed, user, config, say),
            ends_on=last_day(until),
            granted_on=None if before is None else day(decided_at(before[0])),
            used_at=None if before is None or before[1] is None else minute(before[1]),
            csrf=csrf,
            request_uri=request_uri,
            origin=None if leads_to is None else _shown_origin(leads_to),
            device=device(waiting) if waiting and waiting.user_code else None,
            binding_message=waiting.binding_message if waiting else "",
        )

    def user_code(self, *, csrf: str, wrong: bool) -> Response:
        """Asks for the code that a device shows."""
        return self._page("user_code.html", status=400 if wrong else 200, csrf=csrf, wrong=wrong)

    def device(self, *, client: Client, request: WaitingRequest, csrf: str, request_uri: str) -> Response:
        """Shows the device that waits, and asks whether the user holds it."""
        return self._page(
            "device.html",
            client=client,
            device=device(request),
            csrf=csrf,
            request_uri=request_uri,
        )

    def authentication_device(
        self,
        *,
        user: User,
        waiting: Sequence[WaitingEntry],
        config: Config,
        now: float,
    ) -> Response:
        """The requests that wait for a user."""
        say = self._catalogue
        entries = [
            {
                **asked(request, user, config, say),
                **changing(request, changed, user, config, say),
                "client": client,
                "binding_message": request.binding_message,
                "until": minute(request.expires_at),
                "ends_on": last_day(until),
                "left": divmod(int(request.expires_at - now), 60),
                "request_uri": uri,
                "csrf": csrf,
            }
            for client, request, uri, csrf, changed, until in waiting
        ]
        page = self._page("authentication_device.html", person=describe_user(user, say), entries=entries)
        if not entries:  # a request that comes in must not move a button under the finger
            page.headers["refresh"] = _LOOK_AGAIN
        return page

    def decided(self, *, client_name: str, approved: bool, asked_here: bool) -> Response:
        """The last page where nobody is redirected. `asked_here`: on the authentication device, not by a device."""
        told = (
            ("decided_approved_here" if asked_here else "decided_approved") if approved else "decided_denied"
        )
        return self._page(
            "decided.html", client_name=client_name, approved=approved, told=told, asked_here=asked_here
        )

    def grants(
        self,
        *,
        user: User | None,
        grants: Sequence[tuple[Grant, str, float | None]],
        config: Config,
        csrf: str,
        start: str | None,
        older: str | None,
    ) -> Response:
        """One page of grants, each with the name of its client and the time of its last use.

        `start`: where this page starts, unless it is the first one. `older`: where the next page starts.
        """
        say = self._catalogue
        entries = [
            {**entry(grant, name, user, config, say), "used_at": None if used is None else minute(used)}
            for grant, name, used in grants
        ]
        return self._page(
            "grants.html",
            person=describe_user(user, self._catalogue),
            entries=entries,
            csrf=csrf,
            start=start,
            older=older,
        )

    def sign_out(
        self,
        *,
        user: User | None,
        client_name: str | None,
        csrf: str,
        carried: Mapping[str, str],
        leads_to: str | None,
    ) -> Response:
        """Asks the user whether to sign out. `carried`: hidden fields, which come back with the answer."""
        return self._page(
            "sign_out.html",
            leads_to=leads_to,
            person=describe_user(user, self._catalogue),
            client_name=client_name,
            csrf=csrf,
            carried=carried,
            origin=None if leads_to is None else _shown_origin(leads_to),
        )

    def signed_out(self) -> Response:
        return self._page("signed_out.html")

    def answered(
        self,
        *,
        user: User | None,
        grant: Grant | None,
        client_name: str,
        config: Config,
        clause: str,
        reference: str,
    ) -> Response:
        """The request was already decided. Shows the grant to the user who gave it; to others where to look for it."""
        shown = None if grant is None else entry(grant, client_name, user, config, self._catalogue)
        return self._page("answered.html", status=400, entry=shown, clause=clause, reference=reference)

    def refused(self, error: FapiError, told: tuple[str, str], status: int, reference: str) -> Response:
        """Tells the user what happened. `told`: the message and the clause, for a developer."""
        return self._page(
            "refused.html",
            status=status,
            happened=describe_refusal(error, status),
            # After a decision that failed half-way, or on a very old page, it is not known what was decided.
            nothing_granted=status < 500 and not isinstance(error, InvalidRequestUri | StaleForm),
            message=told[0],
            clause=told[1],
            reference=reference,
        )

    def form_post(self, action: str, parameters: Mapping[str, str]) -> Response:
        """A form that sends the response to the client. Without JavaScript the user presses its button."""
        response = self._page(
            "form_post.html", leads_to=action, action=action, parameters=parameters, script=_SUBMIT
        )
        policy = response.headers["content-security-policy"]
        response.headers["content-security-policy"] = f"{policy}; script-src 'sha256-{_SUBMIT_HASH}'"
        return response

    @property
    def _catalogue(self) -> Catalogue:
        """The catalogue in the language of this request."""
        return self._catalogues[spoken()]

    def _page(
        self,
        template: str,
        *,
        status: int = 200,
        leads_to: str | None = None,
        images_of: str | None = None,
        **values: Any,
    ) -> Response:
        targets = "'self'" if leads_to is None else f"'self' {_source(leads_to)}"
        images = "'self'" if images_of is None else f"'self' {images_of}"
        policy = (
            f"default-src 'none'; style-src 'self'; font-src 'self'; img-src {images}; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {targets}"
        )
        catalogue = self._catalogue
        shared = {
            "bank": self._name,
            "logo": self.templates.logo,
            "path": self._path,
            "language": catalogue.language,
            "say": catalogue.markup,
        }
        return Response(
            self.templates.render(template, {**shared, **values}),
            status,
            {"content-security-policy": policy, "cache-control": "no-store"},
            media_type="text/html",
        )


def _source(uri: str) -> str:
    """The source for `form-action` in a content security policy: an origin, or the scheme of an app."""
    return f"{uri.split(':', maxsplit=1)[0]}:" if is_private_use(uri) else origin_of(uri)


def _shown_origin(uri: str) -> str:
    return uri.split(":", maxsplit=1)[0] if is_private_use(uri) else origin_of(uri)
