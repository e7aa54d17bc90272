"""Sign-in for Starlette and FastAPI: three lines mount login, callback and the client's key set.

    sign_in = SignIn(connect, redirect_uri=CALLBACK, seal=Seal([key]), on_login=welcome, scope="openid accounts")
    app = Starlette(routes=[*my_routes, *sign_in.routes()])

`connect` makes the client (a coroutine function, called once); `on_login(request, login)` answers the browser.

Spec: FAPI2-SP 5.3.3.1-12, 5.4.2a; RFC 9700 4.2.4, 4.12
Role: C
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fapikit.errors import FapiError
from fapikit.stores.sealed import Seal
from rpkit.async_client import AsyncClient
from rpkit.login.id_token import IdToken
from rpkit.login.login import Login
from rpkit.registration.keys import ClientKeys
from rpkit.web import browser_logins, initiated_login, pages
from rpkit.web.backchannel_logout import LoggedOut
from rpkit.web.bank_problem import BANK_PROBLEMS, answer_to, asked_step_up
from rpkit.web.hosted_request import fetched, not_fetched
from rpkit.web.sign_in import SignInPaths, log_failure, require_parameters, require_same_addresses
from rpkit.web.starlette_endpoints import CibaNotifications, SecurityEvents
from rpkit.web.starlette_http import awaited, finish, read_body, rendered, web_request

OnLogin: TypeAlias = Callable[[Request, Login], Response | Awaitable[Response]]
OnLogout: TypeAlias = Callable[[Request, LoggedOut], Awaitable[None] | None]
OnSignOut: TypeAlias = Callable[[Request], Awaitable[IdToken | None] | IdToken | None]
OnError: TypeAlias = Callable[[Request, FapiError], Response | Awaitable[Response]]
Begin: TypeAlias = Callable[[Request], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


__all__ = ["CibaNotifications", "SecurityEvents", "SignIn"]


class SignIn:
    """The pages of one bank. Give each bank its own, with its own redirect URI."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncClient]],
        *,
        redirect_uri: str,
        seal: Seal,
        on_login: OnLogin,
        on_error: OnError | None = None,
        begin: Begin | None = None,
        resource: str | None = None,
        keys: ClientKeys | None = None,
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
        """`parameters` are given to `begin` of the client at each login. `begin(request)` returns those that depend on
        the request.

        `resource`: the API that the first access token is for. `on_error` answers a failed login (default: a plain
        page). `initiate_path`: the path of the registered `initiate_login_uri`; `login.target` is then the page to show
        next.
        `on_logout` is called when a user has signed out at the bank, and ends the sessions of the user here. It may be
        called twice for one logout. `logout_path` is the path of the registered `backchannel_logout_uri`.
        `on_sign_out(request)` is called when a user signs out here: your page posts to `sign_out_path`. It ends the
        session, and returns the ID token of the login, if it was kept. The browser is then sent to the bank, which
        signs the user out too. It comes back to `signed_out_uri`, a page of yours (one of the
        `post_logout_redirect_uris`).
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
        self._parameters = parameters
        self._client: AsyncClient | None = None

    def routes(self) -> list[Route]:
        paths = self._paths
        routes = [
            Route(paths.login, self.login, methods=["POST"]),
            Route(paths.callback, self.callback, methods=["GET", "POST"]),
        ]
        if self._keys is not None:
            routes.append(Route(paths.jwks, self.jwks))
        if paths.initiate is not None:
            routes.append(Route(paths.initiate, self.initiate, methods=["GET", "POST"]))
        if self._on_logout is not None:
            routes.append(Route(paths.logout, self.logout, methods=["POST"]))
        if self._on_sign_out is not None:
            routes.append(Route(paths.sign_out, self.sign_out, methods=["POST"]))
        if paths.request_object is not None:
            under = f"{paths.request_object.rstrip('/')}/{{name}}"
            routes.append(Route(under, self.request_object, methods=["GET"]))
        return routes

    def exception_handlers(self, *unreachable: type[Exception]) -> dict[Any, Any]:
        """The `exception_handlers` of `Starlette` and `FastAPI` for the errors of calls to the bank.

        GrantEnded, NoAccessToken and StepUpRequired become a page with a button that signs in (403). If the bank or
        the store does not answer, a page says so (503). A request that is not a browser's navigation gets JSON instead.
        `unreachable`: further exceptions that mean "does not answer", such as `httpx.TransportError`.
        """
        return dict.fromkeys((*BANK_PROBLEMS, *unreachable), self.bank_problem)

    async def bank_problem(self, request: Request, error: Exception) -> Response:
        """The response to an error of a call to the bank. Raises the error again if the user cannot solve it."""
        answer = answer_to(error, web_request(request), login_path=self._paths.login)
        if answer is None:
            raise error
        log_failure(error, "a call to the bank failed")
        return rendered(answer)

    async def client(self) -> AsyncClient:
        """The client. The first call makes it with `connect`."""
        if self._client is None:
            client = await self._connect()
            require_same_addresses(client.bank, self._paths)
            self._client = client
        return self._client

    async def aclose(self) -> None:
        """Close the client, if it was made. Call it at the end of the application's lifespan."""
        if self._client is not None:
            await self._client.aclose()

    async def login(self, request: Request) -> Response:
        """Begin a login and send the browser to the bank."""
        asked = web_request(request)  # without the form, which `begin` may read
        if not browser_logins.may_start(asked, self._paths.redirect_uri):
            return rendered(pages.refused_start())
        try:
            client = await self.client()
            given = {} if self._begin is None else await awaited(self._begin(request))
            initiation = initiated_login.Initiation()
            if self._paths.initiate is not None:
                initiation = initiated_login.read_confirmation(asked, self._paths.redirect_uri)
            start = await client.begin(
                **{**self._parameters, **initiation.parameters, **asked_step_up(asked), **given}
            )
            return rendered(
                browser_logins.started(
                    start, asked, seal=self._seal, now=client.bank.now(), target=initiation.target
                )
            )
        except FapiError as error:
            return await self._failed(request, error)

    async def initiate(self, request: Request) -> Response:
        """Ask the user for consent to a login that another site initiates (OIDC 4)."""
        asked, paths = web_request(request, await read_body(request)), self._paths
        try:
            issuer = (await self.client()).issuer
            initiation = initiated_login.read_initiation(
                asked, issuer=issuer, redirect_uri=paths.redirect_uri
            )
            return rendered(
                initiated_login.confirmation_page(initiation, issuer=issuer, login_path=paths.login)
            )
        except FapiError as error:
            return await self._failed(request, error)

    async def callback(self, request: Request) -> Response:
        """Complete a login. Its cookie is deleted, also if the login failed."""
        if request.method == "HEAD":
            return rendered(pages.preview())
        asked = web_request(request, await read_body(request))
        try:
            client = await self.client()
            settings = client.bank.settings
            if pages.needs_fragment(asked, settings.effective_response_mode):
                return rendered(pages.fragment_page(self._paths.redirect_uri, settings.random_bytes))
            back = browser_logins.returned(asked, self._paths.redirect_uri, seal=self._seal)
            login = await client.complete(back.callback.reveal(), back.transaction, resource=self._resource)
            response: Response = await awaited(self._on_login(request, login))
        except FapiError as error:
            response = await self._failed(request, error)
        return finish(response, browser_logins.ended_after(asked, self._paths.redirect_uri))

    async def logout(self, request: Request) -> Response:
        """Back-channel logout: the bank posts that a user has signed out there."""
        assert self._on_logout is not None  # noqa: S101 - routed only with it
        try:
            client = await self.client()
            await awaited(self._on_logout(request, await client.read_logout(await read_body(request))))
        except FapiError as error:
            log_failure(error)
            return rendered(pages.not_logged_out(error))
        return rendered(pages.logged_out())

    async def sign_out(self, request: Request) -> Response:
        """End the session here, then send the browser to the bank to end it there too."""
        assert self._on_sign_out is not None  # noqa: S101 - routed only with it
        if not browser_logins.may_start(web_request(request), self._paths.redirect_uri):
            return rendered(pages.refused_start("A sign-out"))
        id_token = await awaited(self._on_sign_out(request))
        try:
            client = await self.client()
            start = client.begin_logout(id_token, post_logout_redirect_uri=self._signed_out_uri)
        except FapiError as error:
            log_failure(error)
            return rendered(pages.signed_out_here(error))
        return rendered(pages.sent_to_sign_out(start))

    async def request_object(self, request: Request) -> Response:
        """Give the bank a request that waits here for it, once."""
        if request.method == "HEAD":
            return rendered(pages.preview())
        try:
            client = await self.client()
            return rendered(fetched(await client.take_hosted_request(request.path_params["name"])))
        except FapiError as error:
            log_failure(error, "no request object was given out")
            return rendered(not_fetched(error))

    async def jwks(self, _request: Request) -> Response:
        """The client's public keys, also the next one."""
        assert self._keys is not None  # noqa: S101 - routed only with keys
        return JSONResponse(self._keys.jwks(), headers={"cache-control": "public, max-age=300"})

    async def _failed(self, request: Request, error: FapiError) -> Response:
        log_failure(error)
        if self._on_error is not None:
            answer: Response = await awaited(self._on_error(request, error))
            return answer
        return rendered(pages.failed(error))
