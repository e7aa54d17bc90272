"""The pages of sign-in and sign-out, for any web framework, and what the user is told after a failure.

Spec: FAPI2-SP 5.3.3.1-12; RFC 9700 4.2.4, 4.12, 4.16
Role: C
"""

from __future__ import annotations

import html
from urllib.parse import urlsplit

from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.errors import FapiError, Fault, Remedy, SealBroken, StoreError, TransportError
from fapikit.secrets import random_token
from rpkit.errors import AuthorizationRefused, TransactionMissing, TransactionUsed
from rpkit.web.logout import LogoutStart
from rpkit.web.messages import PRIVATE_HEADERS, WebAnswer, WebRequest, text_answer


def needs_fragment(request: WebRequest, response_mode: str) -> bool:
    """Whether the response is in the fragment. Only a page in the browser can read the fragment."""
    in_fragment = response_mode in ("fragment", "fragment.jwt")
    return in_fragment and request.method == "GET" and not urlsplit(request.url).query


def fragment_page(redirect_uri: str, random_bytes: RandomBytes) -> WebAnswer:
    """A page that posts its own fragment to the redirect URI. Its CSP allows no other script."""
    nonce = random_token(random_bytes, 16)
    action = html.escape(urlsplit(redirect_uri).path, quote=True)
    body = (
        f'<form id="f" method="post" action="{action}"><input type="hidden" name="fragment" id="v">'
        "<noscript>Signing in needs JavaScript here.</noscript></form>"
        f'<script nonce="{nonce}">'
        "document.getElementById('v').value=location.hash.slice(1);"
        "history.replaceState(null,'',location.pathname);document.getElementById('f').submit()"
        "</script>"
    )
    return page("Signing in", body, f"script-src 'nonce-{nonce}'; form-action 'self'")


def page(
    title: str,
    body: str,
    policy: str,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> WebAnswer:
    """A page of ours with a form that posts to us. No other site can put it into a frame."""
    headers = (
        *headers,
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", f"default-src 'none'; {policy}; frame-ancestors 'none'"),
        # With no-referrer, the browser would send no Origin. The Origin shows that the POST comes from our own page.
        *((name, "same-origin" if name == "referrer-policy" else value) for name, value in PRIVATE_HEADERS),
    )
    return WebAnswer(status, headers, f'<!doctype html><meta charset="utf-8"><title>{title}</title>{body}')


def refused_start(what: str = "A sign-in") -> WebAnswer:
    """The response to a login, or a logout, that another site tried to start."""
    return text_answer(403, f"{what} must begin on a page of this site.")


def sent_to_sign_out(start: LogoutStart) -> WebAnswer:
    """A 303 to the sign-out page of the bank."""
    return WebAnswer(303, (("location", start.url), *PRIVATE_HEADERS))


def signed_out_here(error: FapiError) -> WebAnswer:
    """The page for the case that the session here has ended, but not the session at the bank."""
    status = 503 if isinstance(error, TransportError | StoreError) else 500
    return text_answer(
        status, "You have signed out here. At the bank you may still be signed in: sign out there."
    )


def failed(error: FapiError) -> WebAnswer:
    """The page for the user after a failed login: what to do next, and no details."""
    undecided = isinstance(error, TransportError | StoreError) and not isinstance(error, SealBroken)
    if undecided or error.remedy is Remedy.RETRY_LATER:
        return text_answer(503, "Signing in is not possible right now. Please try again later.")
    if error.fault is Fault.CONFIGURATION:
        return text_answer(500, "Signing in is not possible: this site is not set up correctly.")
    # The page was reloaded, perhaps after a success.
    if isinstance(error, TransactionMissing | TransactionUsed):
        return text_answer(
            400,
            "This page has been used before, or belongs to another browser."
            " If you are signed in, go on; if not, please sign in again.",
        )
    if isinstance(error, AuthorizationRefused) and error.peer_code == "access_denied":
        return text_answer(400, "You or your bank refused this request. You can sign in again.")
    return text_answer(400, "Signing in did not work. Please sign in again.")


def preview() -> WebAnswer:
    """The response to HEAD, which must change nothing: it completes no login."""
    return WebAnswer(200, PRIVATE_HEADERS)


def logged_out() -> WebAnswer:
    """The response to an accepted logout token."""
    return WebAnswer(200, PRIVATE_HEADERS)


def not_logged_out(error: FapiError) -> WebAnswer:
    """The response to a logout token that is refused or cannot be verified now. A server reads it, not a user."""
    status = 503 if isinstance(error, TransportError | StoreError) else 400
    body = strict_json.dump({"error": "invalid_request" if status == 400 else "temporarily_unavailable"})
    return WebAnswer(status, (("content-type", "application/json"), *PRIVATE_HEADERS), body.decode())
