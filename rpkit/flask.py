"""Sign-in for Flask: three lines mount login, callback and the client's key set.

    sign_in = SignIn(connect, redirect_uri=CALLBACK, seal=Seal([key]), on_login=welcome, scope="openid accounts")
    app.register_blueprint(sign_in.blueprint())

`connect` makes the client (called once, in each worker process); `on_login(login)` answers the browser.

Spec: FAPI2-SP 5.3.3.1-12, 5.4.2a; RFC 9700 4.2.4, 4.12
Role: C
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from flask import Blueprint, Flask, Response, jsonify, make_response, request

from fapikit.errors import FapiError
from fapikit.stores.sealed import Seal
from rpkit.client import Client
from rpkit.login.id_token import IdToken
from rpkit.login.login import Login
from rpkit.registration.keys import ClientKeys
from rpkit.web import browser_logins, initiated_login, pages
from rpkit.web.backchannel_logout import LoggedOut
from rpkit.web.bank_problem import BANK_PROBLEMS, answer_to, asked_step_up
from rpkit.web.flask_endpoints import CibaNotifications, SecurityEvents
from rpkit.web.flask_http import finish, posted, rendered, web_request
from rpkit.web.hosted_request import fetched, not_fetched
from rpkit.web.sign_in import SignInPaths, log_failure, require_parameters, require_same_addresses

OnLogin: TypeAlias = Callable[[Login], Any]
OnLogout: TypeAlias = Callable[[LoggedOut], None]
OnSignOut: TypeAlias = Callable[[], IdToken | None]
OnError: TypeAlias = Callable[[FapiError], Any]
Begin: TypeAlias = Callable[[], Mapping[str, Any]]


__all__ = ["CibaNotifications", "SecurityEvents", "SignIn"]


class SignIn:
    """The pages of one bank. Give each bank its own, with its own redirect URI and `name`."""

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        redirect_uri: str,
        seal: Seal,
        on_login: OnLogin,
        on_error: OnError | None = None,
        begin: Begin | None = None,
        resource: str | None = None,
        keys: ClientKeys | None = None,
        name: str = "rpkit",
        login_path: str = "/login",
        jwks_path: str = "/jwks",
        initiate_path: str | None = None,
        on_logout: OnLogout | None = None,
        logout_path: str = "/backchannel-logout",
        on_sign_out: OnSignOut | None = None,
        sign_out_path: str = "/sign-out",
        signed_out_uri: str | None = None,
        request_object_path: str | None = None,
        **parameters: Any,
    ) -> None:
        """`parameters` are given to `Client.begin` at each login. `begin()` returns those that depend on the request.

        `resource`: the API that the first access token is for. `on_error` answers a failed login (default: a plain
        page). `initiate_path`: the path of the registered `initiate_login_uri`; `login.target` is then the page to show
        next.
        `on_logout` is called when a user has signed out at the bank, and ends the sessions of the user here. It may be
        called twice for one logout. `logout_path` is the path of the registered `backchannel_logout_uri`.
        `on_sign_out()` is called when a user signs out here: your page posts to `sign_out_path`. It ends the session,
        and returns the ID token of the login, if it was kept. The browser is then sent to the bank, which signs the
        user out too. It comes back to `signed_out_uri`, a page of yours (one of the `post_logout_redirect_uris`).
        `request_object_path`: the path below which the bank fetches requests, which is that of `hosted_requests`.
        """
        require_parameters(resource, parameters)
        self._connect = connect
        self._paths = SignInPaths(
            redirect_uri,
            login_path,
            jwks_path,
            initiate_path,
            logout_path,
            sign_out_path,
            request_object_path,
        )
        self._seal = seal
        self._on_login = on_login
        self._on_error = on_error
        self._begin = begin
        self._on_logout = on_logout
        self._on_sign_out = on_sign_out
        self._signed_out_uri = signed_out_uri
        self._resource = resource
        self._keys = keys
        self._name = name
        self._parameters = parameters
        self._client: Client | None = None

    def blueprint(self) -> Blueprint:
        pages = Blueprint(self._name, __name__)
        pages.add_url_rule(self._paths.login, "login", self.login, methods=["POST"])
        pages.add_url_rule(self._paths.callback, "callback", self.callback, methods=["GET", "POST"])
        if self._keys is not None:
            pages.add_url_rule(self._paths.jwks, "jwks", self.jwks)
        if self._paths.initiate is not None:
            pages.add_url_rule(self._paths.initiate, "initiate", self.initiate, methods=["GET", "POST"])
        if self._on_logout is not None:
            pages.add_url_rule(self._paths.logout, "logout", self.logout, methods=["POST"])
        if self._on_sign_out is not None:
            pages.add_url_rule(self._paths.sign_out, "sign_out", self.sign_out, methods=["POST"])
        if self._paths.request_object is not None:
            under = f"{self._paths.request_object.rstrip('/')}/<name>"
            pages.add_url_rule(under, "request_object", self.request_object, methods=["GET"])
        return pages

    def register_error_handlers(self, app: Flask, *unreachable: type[Exception]) -> None:
        """Let the application answer the errors of calls to the bank.

        GrantEnded, NoAccessToken and StepUpRequired become a page with a button that signs in (403). If the bank or
        the store does not answer, a page says so (503). A request that is not a browser's navigation gets JSON instead.
        `unreachable`: further exceptions that mean "does not answer", such as `httpx.TransportError`.
        """
        for kind in (*BANK_PROBLEMS, *unreachable):
            app.register_error_handler(kind, self.bank_problem)

    def bank_problem(self, error: Exception) -> Response:
        """The response to an error of a call to the bank. Raises the error again if the user cannot solve it."""
        answer = answer_to(error, web_request(), login_path=self._paths.login)
        if answer is None:
            raise error
        log_failure(error, "a call to the bank failed")
        return rendered(answer)

    def client(self) -> Client:
        """The client. The first call makes it with `connect`."""
        if self._client is None:
            client = self._connect()
            require_same_addresses(client.bank, self._paths)
            self._client = client
        return self._client

    def close(self) -> None:
        """Close the client, if it was made."""
        if self._client is not None:
            self._client.close()

    def login(self) -> Response:
        """Begin a login and send the browser to the bank."""
        asked = web_request()  # without the form, which `begin` may read
        if not browser_logins.may_start(asked, self._paths.redirect_uri):
            return rendered(pages.refused_start())
        try:
            client = self.client()
            given = {} if self._begin is None else self._begin()
            initiation = initiated_login.Initiation()
            if self._paths.initiate is not None:
                initiation = initiated_login.read_confirmation(asked, self._paths.redirect_uri)
            start = client.begin(
                **{**self._parameters, **initiation.parameters, **asked_step_up(asked), **given}
            )
            return rendered(
                browser_logins.started(
                    start, asked, seal=self._seal, now=client.bank.now(), target=initiation.target
                )
            )
        except FapiError as error:
            return self._failed(error)

    def initiate(self) -> Response:
        """Ask the user for consent to a login that another site initiates (OIDC 4)."""
        asked, paths = web_request(posted()), self._paths
        try:
            issuer = self.client().issuer
            initiation = initiated_login.read_initiation(
                asked, issuer=issuer, redirect_uri=paths.redirect_uri
            )
            return rendered(
                initiated_login.confirmation_page(initiation, issuer=issuer, login_path=paths.login)
            )
        except FapiError as error:
            return self._failed(error)

    def callback(self) -> Response:
        """Complete a login. Its cookie is deleted, also if the login failed."""
        if request.method == "HEAD":
            return rendered(pages.preview())
        asked = web_request(posted())
        try:
            settings = self.client().bank.settings
            if pages.needs_fragment(asked, settings.effective_response_mode):
                return rendered(pages.fragment_page(self._paths.redirect_uri, settings.random_bytes))
            back = browser_logins.returned(asked, self._paths.redirect_uri, seal=self._seal)
            login = self.client().complete(back.callback.reveal(), back.transaction, resource=self._resource)
            response = make_response(self._on_login(login))
        except FapiError as error:
            response = self._failed(error)
        return finish(response, browser_logins.ended_after(asked, self._paths.redirect_uri))

    def logout(self) -> Response:
        """Back-channel logout: the bank posts that a user has signed out there."""
        assert self._on_logout is not None  # noqa: S101 - routed only with it
        try:
            self._on_logout(self.client().read_logout(posted()))
        except FapiError as error:
            log_failure(error)
            return rendered(pages.not_logged_out(error))
        return rendered(pages.logged_out())

    def sign_out(self) -> Response:
        """End the session here, then send the browser to the bank to end it there too."""
        assert self._on_sign_out is not None  # noqa: S101 - routed only with it
        if not browser_logins.may_start(web_request(), self._paths.redirect_uri):
            return rendered(pages.refused_start("A sign-out"))
        id_token = self._on_sign_out()
        try:
            start = self.client().begin_logout(id_token, post_logout_redirect_uri=self._signed_out_uri)
        except FapiError as error:
            log_failure(error)
            return rendered(pages.signed_out_here(error))
        return rendered(pages.sent_to_sign_out(start))

    def request_object(self, name: str) -> Response:
        """Give the bank a request that waits here for it, once."""
        if request.method == "HEAD":
            return rendered(pages.preview())
        try:
            return rendered(fetched(self.client().take_hosted_request(name)))
        except FapiError as error:
            log_failure(error, "no request object was given out")
            return rendered(not_fetched(error))

    def jwks(self) -> Response:
        """The client's public keys, also the next one."""
        assert self._keys is not None  # noqa: S101 - routed only with keys
        response = jsonify(self._keys.jwks())
        response.headers["cache-control"] = "public, max-age=300"
        return response

    def _failed(self, error: FapiError) -> Response:
        log_failure(error)
        if self._on_error is not None:
            return make_response(self._on_error(error))
        return rendered(pages.failed(error))
