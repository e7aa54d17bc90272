"""A login of a native app: through the system browser and loopback, or by device grant where there is no browser.

Of the responses that reach the listener, the one of this login is taken. Any program on the machine can send others.
They are refused, and the login goes on.

Spec: RFC 8252 5, 6, 7.3, 8.1, 8.2, 8.9, 8.10
Role: C
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from fapikit.errors import ConfigurationError, FapiError, JwtError, KeyUndecided, MalformedMessage
from fapikit.flow import Alarm, Flow, call, sleep
from fapikit.secrets import Concealed, Secret
from rpkit.bank import Bank
from rpkit.decoupled.device_authorization import DeviceAuthorization, DeviceParameters, authorize_device
from rpkit.decoupled.wait import wait
from rpkit.errors import (
    MissingResponseIssuer,
    MissingState,
    NoBrowser,
    TransactionExpired,
    WrongRedirectUri,
    WrongResponseIssuer,
    WrongResponseMode,
    WrongState,
)
from rpkit.login.asked import resource_asked_for
from rpkit.login.authorization_request import begin
from rpkit.login.callback import read_callback, verify_callback
from rpkit.login.complete import complete_verified
from rpkit.login.login import Login
from rpkit.login.report import LoginReport
from rpkit.login.transaction import Transaction

_OPENING: Final = 30.0
_FOREIGN: Final = (
    MalformedMessage,
    WrongResponseMode,
    WrongRedirectUri,
    MissingResponseIssuer,
    WrongResponseIssuer,
    MissingState,
    WrongState,
    JwtError,
    KeyUndecided,
)
"""What `verify_callback` raises for a response that may be somebody else's."""


class Response(Protocol):
    """A response that arrived. `answer` gives the browser its page."""

    @property
    def callback(self) -> Concealed[str | bytes]: ...

    def answer(self, verdict: Any) -> None: ...


class Listener(Protocol):
    """`fapikit.io.loopback_listener.LoopbackListener` is one, and documents each of these."""

    @property
    def redirect_uri(self) -> str: ...

    @property
    def arrived(self) -> Alarm: ...

    def take(self) -> Response | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRequest:
    """What is asked for, as in `begin`. `timeout`: in seconds, for the user in the browser."""

    scope: str | Iterable[str]
    resources: tuple[str, ...]
    authorization_details: tuple[Mapping[str, Any], ...]
    resource: str | None
    timeout: float
    parameters: Concealed[Mapping[str, Any]]


def sign_in_by_browser(
    bank: Bank, request: NativeRequest, listener: Listener, open_browser: Callable[[str], Any]
) -> Flow[Login | None]:
    """The login, or None if the browser could not be opened.

    Raises TransactionExpired if no response came in time; the errors of `begin` and `complete`.
    """
    own = replace(bank, settings=replace(bank.settings, redirect_uri=listener.redirect_uri))
    if own.settings.effective_response_mode.startswith("fragment"):
        raise ConfigurationError(
            "a native app reads its response from a query or a form: set response_mode query, jwt or form_post",
            clause="RFC 8252 7.3",
            facts={"response_mode": own.settings.effective_response_mode},
        )
    start = yield from begin(
        own,
        scope=request.scope,
        resources=request.resources,
        authorization_details=request.authorization_details,
        parameters=request.parameters,
    )
    resource = resource_asked_for(start.transaction, request.resource)
    if not (yield from call(open_browser, start.url, deadline=_OPENING)):
        return None
    end = bank.now() + min(request.timeout, bank.settings.transaction_ttl)
    last: FapiError | None = None
    while True:
        arrived = listener.arrived
        response = listener.take()
        if response is None:
            left = end - bank.now()
            if left <= 0:
                raise TransactionExpired(
                    "no response of this login came back to this program in time: sign in again",
                    facts={"timeout": request.timeout},
                ) from last
            yield from sleep(left, alarm=arrived)
            continue
        report = LoginReport()
        try:
            try:
                verified = yield from verify_callback(own, response.callback, start.transaction, report)
            except _FOREIGN as error:
                if _has_state_of(response.callback, start.transaction):
                    raise
                response.answer("foreign")
                last = error
                continue
            login = yield from complete_verified(own, verified, report, resource=resource)
            response.answer("taken")
            return login
        finally:
            response.answer("failed")  # unless it has its answer


def sign_in_by_device(
    bank: Bank, request: NativeRequest, show_code: Callable[[DeviceAuthorization], Any] | None
) -> Flow[Login]:
    """The login by device grant. Raises NoBrowser if it is not possible either."""
    if show_code is None or not bank.metadata.has("device_authorization_endpoint"):
        raise NoBrowser(
            "no browser can be opened here, and "
            + ("show_code is not given" if show_code is None else f"{bank.issuer} authorizes no devices")
            + ": run this program where there is a browser, or give show_code= for a server with device authorization",
            facts={"server": bank.issuer},
        )
    known = DeviceParameters.__annotations__
    given = request.parameters.reveal()
    device = yield from authorize_device(
        bank,
        scope=request.scope,
        resources=request.resources,
        authorization_details=request.authorization_details,
        parameters=Concealed({name: value for name, value in given.items() if name in known}),
    )
    yield from call(show_code, device, deadline=_OPENING)
    return (yield from wait(bank, device, resource=request.resource))


def _has_state_of(callback: Concealed[str | bytes], transaction: Transaction) -> bool:
    """Whether the sender knew `state`. Then it is the response of this login, and what is wrong with it is final."""
    found: Secret | None = None
    with suppress(FapiError):
        found = read_callback(callback.reveal(), transaction).secret("state")
    return found is not None and transaction.state == found
