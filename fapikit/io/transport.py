"""Sending one `HttpRequest` over httpx (or httpx2, its successor): capped, timed, no redirects followed.

Nothing is unpacked beyond the cap, no proxy is taken from the environment, and every library error becomes a
TransportError.

Spec: RFC 9700 4.11; FAPI2-SP 5.2.1-2, -5; FAPI1-BL 7.1a
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fapikit.errors import ConfigurationError, Remedy, ResponseTooLarge, UnexpectedRedirect, Unreachable
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.io.deadline import deadline
from fapikit.io.http_library import library_of
from fapikit.io.tls import client_context, default_context
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.io.unpack import CODINGS, Overlong, unpack
from fapikit.io.watcher import Watcher
from fapikit.members import LOG
from fapikit.profiles import FAPI2_SECURITY, Profile
from fapikit.secrets import Concealed
from fapikit.setting_types import check_text_settings
from fapikit.urls import require_secure, without_query

C = TypeVar("C")

_THEIRS = frozenset({10, 62, 64})
"""The X509_V_ERR_... codes for a certificate of the server that has expired, or is for another name or address."""
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_NO_HTTP = frozenset({"ReadError", "RemoteProtocolError"})
"""The library errors of a plain HTTP request to a TLS server."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How back-channel calls are made.

    `tls`: a context (see `fapikit.io.tls`); None means `default_context`. `ca`: whom to trust, PEM file or octets;
    None means the roots that httpx trusts. `client_certificate`: what is shown to a server that asks for one (mutual
    TLS). `proxy`: an egress proxy's URL. `client` and `async_client`: ready clients of httpx or httpx2, used as they
    are, instead of all that; `client_certificate` beside them says which one they show. `watcher`: who sees the clients
    and how each piece of work ends, such as `fapikit_viewer.Recorder`.
    """

    tls: ssl.SSLContext | None = None
    ca: Path | str | bytes | None = field(default=None, repr=False)
    client_certificate: TlsClientCertificate | None = None
    proxy: str | None = field(default=None, repr=False)  # its URL may hold a password
    client: Any = None
    async_client: Any = None
    watcher: Watcher | None = field(default=None, repr=False, compare=False)
    _contexts: dict[Profile, ssl.SSLContext] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if self.client_certificate is not None and not isinstance(
            self.client_certificate, TlsClientCertificate
        ):
            raise ConfigurationError(
                "client_certificate is a TlsClientCertificate, such as TlsClientCertificate.from_pem(...)"
            )
        beside = [name for name in ("ca", "client_certificate") if getattr(self, name) is not None]
        if self.tls is not None and beside:
            raise ConfigurationError(
                f"tls and {beside[0]} exclude each other: tls is a finished context. Name the authority with ca= beside"
                " client_certificate=, or give TlsClientCertificate.in_context(context, certificate)",
                facts={"settings": f"tls, {beside[0]}"},
            )
        if self.ca is not None:
            self.tls_context()  # a file that cannot be used is known now, and not with the first call

    def tls_context(self, profile: Profile = FAPI2_SECURITY) -> ssl.SSLContext:
        """The context for connections that are opened now, made once. Raises ConfigurationError."""
        if self.tls is not None:
            return self.tls
        if self.ca is None and self.client_certificate is None:
            return default_context(profile)
        if self.client_certificate is not None:
            return self.client_certificate.tls_context(self.ca, profile)
        known = self._contexts.get(profile)
        return known or self._contexts.setdefault(profile, client_context(ca=self.ca, profile=profile))

    @property
    def may_show_certificate(self) -> bool:
        """Whether a server that asks for a client certificate may get one. A context or a ready client of the caller's
        may have one that nobody named here.
        """
        own = (self.tls, self.client, self.async_client)
        return self.client_certificate is not None or any(one is not None for one in own)

    def context_of(self, ready: Any, profile: Profile) -> Callable[[], object]:
        """What a pool compares to know whether it is still to be used: a ready client stays whatever happens."""
        return (lambda: self.tls_context(profile)) if ready is None else lambda: None

    def make_client(self, profile: Profile = FAPI2_SECURITY) -> Any:
        if self.client is not None:
            return self.client
        from fapikit.io import clients

        return clients.make_client(self.tls_context(profile), self.proxy)

    def make_async_client(self, profile: Profile = FAPI2_SECURITY) -> Any:
        if self.async_client is not None:
            return self.async_client
        from fapikit.io import clients

        return clients.make_async_client(self.tls_context(profile), self.proxy)

    def watched(self, client: C) -> C:
        """The same HTTP client, which the watcher has seen, if there is one."""
        if self.watcher is not None:
            self.watcher.client(client)
        return client


def settings_of(http: HttpSettings | None) -> HttpSettings:
    """Those given, or the defaults. Raises ConfigurationError for anything else."""
    if http is not None and not isinstance(http, HttpSettings):
        raise ConfigurationError(
            "http= takes HttpSettings; a ready client goes into HttpSettings(client=...)"
        )
    return http or HttpSettings()


def send(client: Any, request: HttpRequest) -> HttpResponse:
    """Send and read one answer. Raises TransportError."""
    started = time.monotonic()
    library = library_of(client)
    try:
        with deadline(request.timeout):
            response = client.send(_build(client, request), stream=True, follow_redirects=False)
            raw = not response.is_stream_consumed
            try:
                _refuse_redirect(request, response.status_code)
                body = bytearray()
                for chunk in _read_already(response) or response.iter_raw():
                    body += chunk
                    _require_size(request, len(body))
                    if time.monotonic() - started > request.timeout:
                        raise _unreachable(request, TimeoutError())
            finally:
                response.close()
    except (UnicodeError, library.HTTPError, library.InvalidURL, library.StreamError) as error:
        failure = _unreachable(request, error)
    else:
        return _response(request, response, bytes(body), raw=raw)
    # Raised here, without a context: the error of the library contains the request, whose headers and body are secrets.
    raise failure


async def asend(client: Any, request: HttpRequest) -> HttpResponse:
    """Send and read one answer. Raises TransportError."""
    library = library_of(client)
    body = Concealed(bytearray())
    try:
        async with asyncio.timeout(request.timeout):
            response = await client.send(_build(client, request), stream=True, follow_redirects=False)
            raw = not response.is_stream_consumed
            try:
                _refuse_redirect(request, response.status_code)
                body.reveal().extend(b"".join(_read_already(response)))
                _require_size(request, len(body.reveal()))
                if raw:
                    async for chunk in response.aiter_raw():
                        body.reveal().extend(chunk)
                        del chunk
                        _require_size(request, len(body.reveal()))
            finally:
                await response.aclose()
    except (
        TimeoutError,
        UnicodeError,
        ssl.SSLError,  # an alert that the server sends after the handshake; anyio hands it on as it is
        library.HTTPError,
        library.InvalidURL,
        library.StreamError,
    ) as error:
        failure = _unreachable(request, error)
    else:
        return _response(request, response, bytes(body.reveal()), raw=raw)
    raise failure


def _read_already(response: Any) -> list[bytes]:
    """The body of a response that is read already, as those of mock transports: it cannot be read a second time."""
    return [response.content] if response.is_stream_consumed else []


def _build(client: Any, request: HttpRequest) -> Any:
    require_secure(request.url, "a called endpoint")
    headers = [*request.headers, ("accept-encoding", "identity")]
    return client.build_request(
        request.method, request.url, headers=headers, content=request.body or None, timeout=request.timeout
    )


def _refuse_redirect(request: HttpRequest, status: int) -> None:
    if status in _REDIRECTS:
        raise UnexpectedRedirect(
            f"{without_query(request.url)} answered with a redirect", facts={"status": status}
        )


def _require_size(request: HttpRequest, size: int) -> None:
    if size > request.max_bytes:
        raise ResponseTooLarge(
            f"{without_query(request.url)} sent more than {request.max_bytes} octets",
            facts={"limit": request.max_bytes},
        )


def _unreachable(request: HttpRequest, error: Exception) -> Unreachable:
    """What the library calls it and the operating system or OpenSSL says of it, and what can be done about that."""
    why, remedy = type(error).__name__, None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"certificate verify failed: {cause.verify_message}"
            remedy = Remedy.TELL_THE_PEER
            if cause.verify_code not in _THEIRS:
                why += "; HttpSettings(ca=...) says whom to trust"
                remedy = Remedy.FIX_CONFIGURATION
            break
        if isinstance(cause, _BROKEN_OFF):  # their errno is OpenSSL's, and no number of the operating system
            why = f"{why}: the server broke off TLS"
            if type(error).__name__ == "ConnectError":
                why += "; it may take none of the versions and cipher suites that the profile allows"
            break
        if isinstance(cause, ssl.SSLError):
            why, remedy = f"{why}: TLS: {cause.reason}", Remedy.FIX_CONFIGURATION
            why += _about_our_certificate(str(cause.reason))
            break
        if isinstance(cause, OSError) and cause.errno:
            # asyncio puts words of its own there; a name that is not found has errors of another family.
            looked_up = isinstance(cause, socket.gaierror)
            why = f"{why}: {cause.strerror if looked_up else os.strerror(cause.errno)}"
            break
        cause = cause.__cause__ or cause.__context__
    if request.url.startswith("https:") and str(error).startswith("Server disconnected"):
        # Under TLS 1.3 a server may refuse a certificate after the client's part of the handshake, and send no alert.
        why += ": the server hung up without an answer; its log says whether it refused a client certificate"
    if request.url.startswith("http:") and type(error).__name__ in _NO_HTTP:
        why, remedy = f"{why}: is https meant?", Remedy.FIX_CONFIGURATION
    return Unreachable(
        f"{without_query(request.url)} cannot be reached: {why}", remedy=remedy, facts={"why": why}
    )


def _about_our_certificate(reason: str) -> str:
    """What an alert of a server means that asks for a client certificate."""
    if "ALERT" not in reason:
        return ""
    if "CERTIFICATE_REQUIRED" in reason:
        return "; HttpSettings(client_certificate=...) says what is shown to a server that asks for a certificate"
    refused = any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA"))
    return "; the server refuses the client certificate that it was shown" if refused else ""


def _response(request: HttpRequest, response: Any, body: bytes, *, raw: bool) -> HttpResponse:
    """`raw`: the body is as it came over the wire, which the library's own reading would have unpacked."""
    headers = tuple((name, value) for name, value in response.headers.multi_items())
    coding = response.headers.get("content-encoding", "").strip().lower()
    if raw and coding in CODINGS:
        try:
            body = unpack(body, request.max_bytes)
        except Overlong:
            _require_size(request, request.max_bytes + 1)
        except ValueError:
            pass  # the header stays, and whoever reads the body says so
        else:
            LOG.info("%s: compressed (%s), which was not asked for", without_query(request.url), coding)
            headers = tuple(pair for pair in headers if pair[0].lower() != "content-encoding")
    return HttpResponse(response.status_code, headers, body, request.url, request)
