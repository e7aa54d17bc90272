"""The adapter to httpx and httpx2: an `Auth` that runs the steps of `ApiCall`, and clients that leak no credentials.

The two libraries share no base classes. So the classes are made for the library that is in use. Refreshes and
metadata go over rpkit's own transport, never through the client of the application.

Spec: RFC 9700 4.11, 4.9.3; RFC 9449 7.1
Role: C
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import httpx

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.http_message import DEFAULT_TIMEOUT, Fields
from fapikit.io import HttpSettings
from fapikit.io.lent_connections import LentConnections
from fapikit.profiles import Profile
from fapikit.secrets import revealed
from fapikit.urls import has_origin, origin_of, require_secure, without_query
from rpkit.api.call import ApiAnswer, ApiCall, HeldTokens
from rpkit.api.capped_answer import PLAIN, cap_answer, capped_streams
from rpkit.api.customer_headers import INTERACTION, customer_headers
from rpkit.api.message_signing import CallSigning, MessageSigning
from rpkit.api.signing_auth import signing_auth_class
from rpkit.bank import Bank
from rpkit.tokens.token_set import TokenSet, require_own

if TYPE_CHECKING:

    class ApiClient(httpx.Client):
        """What `Client.api` returns, as a type checker sees it."""

        @property
        def tokens(self) -> TokenSet: ...

    class AsyncApiClient(httpx.AsyncClient):
        """What `AsyncClient.api` returns, as a type checker sees it."""

        @property
        def tokens(self) -> TokenSet: ...


MAX_BYTES: Final = 8 * 1024 * 1024
MAX_KEPT: Final = 8 * 1024 * 1024
"""In octets. The largest request body that is kept, so that the request can be sent again."""
_CONNECTION_OPTIONS: Final = frozenset(
    {"cert", "http1", "http2", "limits", "mounts", "proxy", "transport", "trust_env", "verify"}
)


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """One API and the tokens for it."""

    bank: Bank
    held: HeldTokens
    resource: str | None
    origin: str
    max_bytes: int
    signing: CallSigning | None

    def call(self, request: Any) -> ApiCall:
        return ApiCall(
            self.bank,
            self.held,
            resource=self.resource,
            origin=self.origin,
            method=request.method,
            url=str(request.url),
            headers=request.headers,
            replayable=hasattr(request, "_content"),
        )


def api_target(
    bank: Bank,
    tokens: TokenSet,
    base_url: str,
    resource: str | None,
    max_bytes: int,
    message_signing: MessageSigning | None = None,
    *,
    argument: str = "base_url",
) -> ApiTarget:
    """`argument`: the name under which the caller takes `base_url`.

    Raises InsecureUrl, ForeignTransaction; ConfigurationError if the tokens are for another API."""
    require_secure(base_url, argument)
    require_own(tokens, bank.issuer, bank.settings.client_id)
    if resource is None:
        resource = _only_resource(tokens, base_url, argument)
    signing = None if message_signing is None else message_signing.at(bank)
    return ApiTarget(bank, HeldTokens(tokens), resource, origin_of(base_url), max_bytes, signing)


def _only_resource(tokens: TokenSet, base_url: str, argument: str) -> str | None:
    """The resource of the only token of the set, or None if the token was requested without a resource.

    Raises ConfigurationError if the set has several tokens, or if the resource has another origin than `base_url`: the
    application has to name the resource in these cases.
    """
    token = tokens.find(None)
    if token is None and tokens.access_tokens:
        raise ConfigurationError(
            f"the tokens are for {', '.join(tokens.resources)}: set resource= to the one that is this API",
            clause="RFC 8707 2.2",
            facts={"have": " ".join(tokens.resources)},
        )
    resource = None if token is None else token.resource
    if resource is not None and not has_origin(resource, origin_of(base_url)):
        raise ConfigurationError(
            f"the token was requested for {resource}, and {argument} is {without_query(base_url)}:"
            f" correct {argument}, or set resource= if the token may be sent to that API",
            clause="RFC 8707 2.2",
            facts={"resource": resource, "base_url": without_query(base_url)},
        )
    return resource


def sync_client(
    library: Any,
    target: ApiTarget,
    run: Callable[[Flow[Any]], Any],
    base_url: str,
    options: dict[str, Any],
) -> ApiClient:
    """A client of `library` for the one API."""
    auth = _auth_for(target, library)(target, run, None)
    client: ApiClient = _client_class(library)(base_url=base_url, auth=auth, **_safe(options))
    return client


def async_client(
    library: Any,
    target: ApiTarget,
    run: Callable[[Flow[Any]], Awaitable[Any]],
    base_url: str,
    options: dict[str, Any],
) -> AsyncApiClient:
    auth = _auth_for(target, library)(target, None, run)
    client: AsyncApiClient = _async_client_class(library)(base_url=base_url, auth=auth, **_safe(options))
    return client


def with_customer(
    options: dict[str, Any], ip_address: str | None, auth_date: datetime | None
) -> dict[str, Any]:
    """The application's options, whose headers stand above those about the customer."""
    headers = httpx.Headers(customer_headers(ip_address, auth_date))
    headers.update(options.get("headers"))
    return {**options, "headers": headers}


def _safe(options: dict[str, Any]) -> dict[str, Any]:
    """The options of the application over safe defaults. Raises ConfigurationError for one that leaks credentials."""
    refused = sorted({"auth", "base_url"} & options.keys())
    if refused or options.get("follow_redirects"):
        raise ConfigurationError(
            f"{', '.join(refused) or 'follow_redirects'} cannot be set on a client that sends tokens: leave it out",
            clause="RFC 9700 4.11",
        )
    headers = httpx.Headers({"accept-encoding": PLAIN})
    headers.update(options.get("headers"))
    return {"timeout": DEFAULT_TIMEOUT, "trust_env": False, **options, "headers": headers}


@lru_cache(maxsize=4)
def auth_class(library: Any) -> Any:
    """A subclass of the library's `Auth`, for its sync and its async client."""
    capped, async_capped = capped_streams(library)

    class BoundAuth(library.Auth):  # type: ignore[misc]
        """Adds token and proof, keeps nonces, and sends a request again only where that can help."""

        def __init__(self, target: ApiTarget, run: Any, arun: Any) -> None:
            self.target, self._run, self._arun = target, run, arun

        @property
        def tokens(self) -> TokenSet:
            """The newest token set. Keep it when you are done: it may have been refreshed."""
            return self.target.held.tokens

        def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            if _small_enough_to_keep(request, library.SyncByteStream):
                request.read()
            call = self.target.call(request)
            headers: Fields | None = self._run(call.prepare())
            while headers is not None:
                _add(headers, request)
                response = yield request
                cap_answer(response, capped, self.target.max_bytes)
                headers = self._run(call.judge(_answer(response)))

        async def async_auth_flow(self, request: Any) -> Any:
            if _small_enough_to_keep(request, library.AsyncByteStream):
                await request.aread()
            call = self.target.call(request)
            headers: Fields | None = await self._arun(call.prepare())
            while headers is not None:
                _add(headers, request)
                response = yield request
                cap_answer(response, async_capped, self.target.max_bytes)
                headers = await self._arun(call.judge(_answer(response)))

    return BoundAuth


def _auth_for(target: ApiTarget, library: Any) -> Any:
    plain, signing = auth_class(library), target.signing
    if signing is None:
        return plain
    own = getattr(
        signing, "auth_class", None
    )  # of a scheme that needs a request and a response as they are sent
    return signing_auth_class(plain, library) if own is None else own(plain, library)


def _add(headers: Fields, request: Any) -> None:
    request.headers.update([(name, revealed(value)) for name, value in headers])


def _small_enough_to_keep(request: Any, kind: type) -> bool:
    """Whether a body that can be read only once (a file, a multipart form) is small enough to be kept for a retry."""
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= MAX_KEPT and isinstance(request.stream, kind)


def _answer(response: Any) -> ApiAnswer:
    headers = response.headers
    return ApiAnswer(
        response.status_code,
        headers.get_list("www-authenticate"),
        headers.get_list("dpop-nonce"),
        headers.get_list(INTERACTION),
    )


class _WithTokens:
    auth: Any

    @property
    def tokens(self) -> TokenSet:
        """The newest token set. It may have been refreshed."""
        newest: TokenSet = self.auth.tokens
        return newest


@lru_cache(maxsize=4)
def _client_class(library: Any) -> Any:
    """A client that follows no redirect."""

    class BoundClient(_WithTokens, library.Client):  # type: ignore[misc]
        def send(self, request: Any, **options: Any) -> Any:
            _refuse_redirects(library, self, options)
            return super().send(request, **options)

        def __repr__(self) -> str:
            return f"ApiClient({without_query(str(self.base_url))})"

    return BoundClient


@lru_cache(maxsize=4)
def _async_client_class(library: Any) -> Any:
    """An async client that follows no redirect."""

    class BoundAsyncClient(_WithTokens, library.AsyncClient):  # type: ignore[misc]
        async def send(self, request: Any, **options: Any) -> Any:
            _refuse_redirects(library, self, options)
            return await super().send(request, **options)

        def __repr__(self) -> str:
            return f"AsyncApiClient({without_query(str(self.base_url))})"

    return BoundAsyncClient


def _refuse_redirects(library: Any, client: Any, options: dict[str, Any]) -> None:
    # Any true value asks for redirects, except the library's marker for "not given".
    asked = options.get("follow_redirects", library.USE_CLIENT_DEFAULT)
    if (asked and asked is not library.USE_CLIENT_DEFAULT) or client.follow_redirects:
        raise ConfigurationError(
            "a request with a token must not follow redirects: leave follow_redirects out,"
            " and send a new request to the other URL",
            clause="RFC 9700 4.11",
        )


def lent_connections(http: HttpSettings, profile: Profile) -> LentConnections:
    """The connections of one client to APIs, with the TLS and proxy settings of its back channel.

    Raises ConfigurationError.
    """
    http.tls_context(profile)
    return LentConnections(tls=lambda: http.tls_context(profile), proxy=http.proxy)


def connection_options(
    options: dict[str, Any], lend: Callable[[Any], Any], library: Any, http: HttpSettings, profile: Profile
) -> dict[str, Any]:
    """The application's options, with lent connections. If it gave options about connections, the API client makes its
    own connections, with the same TLS.
    """
    if _CONNECTION_OPTIONS.isdisjoint(options):
        return {**options, "transport": lend(library)}
    if {"cert", "transport", "verify"}.isdisjoint(options):
        return {**options, "verify": http.tls_context(profile)}
    return options
