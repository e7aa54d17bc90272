"""Sign-in for programs on the machine of their user: command-line tools and desktop apps.

    login = sign_in(client, scope="openid accounts", show_code=print_code)

It opens the system browser and takes the response on a loopback port. Where no browser can be opened (over ssh, without
a display), it authorizes the program as a device, and `show_code` shows the code.

Spec: RFC 8252 5, 6, 7.3, 8.1, 8.3a, 8.3b; RFC 8628 3.3.1a
Role: C
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypedDict, Unpack

from fapikit.errors import ConfigurationError
from fapikit.io.browser import SystemBrowser
from fapikit.io.loopback_listener import LoopbackListener
from fapikit.secrets import Concealed
from rpkit.async_client import AsyncClient
from rpkit.client import Client
from rpkit.decoupled.device_authorization import DeviceAuthorization
from rpkit.login.authorization_request import RequestParameters
from rpkit.login.login import Login
from rpkit.login.native_app import NativeRequest, sign_in_by_browser, sign_in_by_device
from rpkit.web.native_pages import native_page

TIMEOUT: Final = 300.0
PATH: Final = "/callback"


class NativeOptions(RequestParameters, total=False):
    """The keyword arguments of `sign_in`, beside those of `begin`.

    `resource`: the API of the first access token, as in `complete`. `timeout`: the seconds that the user may take in
    the browser. `path`, `port`: of the redirect URI on loopback; port 0 is one that the system chooses.
    """

    scope: str | Iterable[str]
    resources: Iterable[str]
    authorization_details: Iterable[Mapping[str, Any]]
    resource: str | None
    timeout: float
    path: str
    port: int


class _Place(TypedDict):
    path: str
    port: int


def sign_in(
    client: Client,
    *,
    show_code: Callable[[DeviceAuthorization], object] | None = None,
    open_browser: Callable[[str], bool] | None = None,
    **options: Unpack[NativeOptions],
) -> Login:
    """Sign the user of this machine in. The client needs no `redirect_uri`.

    Register `http://127.0.0.1/callback` and `http://[::1]/callback` at the server: it must let the port be any.
    `show_code`: shows a `DeviceAuthorization` where there is no browser. `open_browser`: opens a URL in another way
    than the module `webbrowser`, and returns whether it did.

    Raises NoBrowser; TransactionExpired if the user took too long; the errors of `begin`, `complete`, `device`, `wait`.
    """
    request, place = _read(options)
    del options
    browser = SystemBrowser()
    login: Login | None = None
    if open_browser is not None or browser.available:
        listener = LoopbackListener(native_page, **place)
        try:
            flow = sign_in_by_browser(client.bank, request, listener, open_browser or browser.open)
            login = client._run(flow)
        finally:
            listener.close()
    if login is None:
        login = client._run(sign_in_by_device(client.bank, request, show_code))
    return login


async def asign_in(
    client: AsyncClient,
    *,
    show_code: Callable[[DeviceAuthorization], object] | None = None,
    open_browser: Callable[[str], object] | None = None,
    **options: Unpack[NativeOptions],
) -> Login:
    """See `sign_in`. `show_code` and `open_browser` may be coroutine functions."""
    request, place = _read(options)
    del options
    browser = SystemBrowser()
    login: Login | None = None
    if open_browser is not None or browser.available:
        listener = LoopbackListener(native_page, **place)
        try:
            flow = sign_in_by_browser(client.bank, request, listener, open_browser or browser.aopen)
            login = await client._run(flow)
        finally:
            await listener.aclose()
    if login is None:
        login = await client._run(sign_in_by_device(client.bank, request, show_code))
    return login


def _read(options: NativeOptions) -> tuple[NativeRequest, _Place]:
    given: dict[str, Any] = dict(options)
    place: _Place = {"path": given.pop("path", PATH), "port": given.pop("port", 0)}
    if not place["path"].startswith("/") or not place["path"].isascii() or set(place["path"]) & set("?#\\ "):
        raise ConfigurationError(
            f"path is {place['path']!r}: give the path of a URL, such as {PATH}", clause="RFC 8252 7.3"
        )
    details = given.pop("authorization_details", ())
    request = NativeRequest(
        scope=given.pop("scope", "openid"),
        resources=_all(given.pop("resources", ()), str),
        authorization_details=_all(details, Mapping),
        resource=given.pop("resource", None),
        timeout=given.pop("timeout", TIMEOUT),
        parameters=Concealed(given),
    )
    return request, place


def _all(values: Any, one: type) -> tuple[Any, ...]:
    """The values, which are used twice. One alone counts as a list of one, as in `begin`."""
    return (values,) if isinstance(values, one) else tuple(values)
