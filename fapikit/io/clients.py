"""The HTTP clients that the drivers use if they are given none: those of httpx.

This is imported at the first call, not before. httpx takes about as long to import as everything else here together,
and an API that is given its keys calls nobody.
"""

from __future__ import annotations

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from fapikit.io.bounded_transport import bounded


def make_client(tls: ssl.SSLContext, proxy: str | None) -> httpx.Client:
    return httpx.Client(
        transport=bounded(httpx.HTTPTransport(verify=tls, proxy=proxy, trust_env=False)),
        trust_env=False,
        follow_redirects=False,
        cookies=no_cookies(),
    )


def make_async_client(tls: ssl.SSLContext, proxy: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=tls, proxy=proxy, trust_env=False, follow_redirects=False, cookies=no_cookies()
    )


def no_cookies() -> CookieJar:
    """A cookie jar that accepts none: users share a client, and a cookie for one must not be sent for another."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
