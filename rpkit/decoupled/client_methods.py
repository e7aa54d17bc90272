"""The methods of `Client` and `AsyncClient` for requests that the user decides on another device.

Spec: RFC 8628 3.1a, 3.4; CIBA 7.1a, 10.1a, 10.2b
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, Unpack

from fapikit.flow import Flow
from fapikit.secrets import Concealed
from rpkit.bank import Bank
from rpkit.decoupled.authentication_request import AuthenticationParameters, request_authentication
from rpkit.decoupled.ciba_request import CibaRequest
from rpkit.decoupled.device_authorization import DeviceAuthorization, DeviceParameters, authorize_device
from rpkit.decoupled.notifications import hear_notification
from rpkit.decoupled.request import DecoupledRequest
from rpkit.decoupled.wait import wait
from rpkit.login.login import Login

T = TypeVar("T")
Details: TypeAlias = Iterable[Mapping[str, Any]]


class DecoupledMethods:
    """`Client` has them."""

    bank: Bank

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def device(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[DeviceParameters],
    ) -> DeviceAuthorization:
        """See `device_authorization.authorize_device`: what to show to the user. Then `wait`."""
        flow = authorize_device(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        del parameters
        return self._run(flow)

    def ciba(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[AuthenticationParameters],
    ) -> CibaRequest:
        """See `authentication_request.request_authentication`: the server asks the user. Then `wait`."""
        flow = request_authentication(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        del parameters
        return self._run(flow)

    def wait(self, request: DecoupledRequest, *, resource: str | None = None) -> Login:
        """See `decoupled.wait.wait`. `request.cancel()` ends it, from another thread too."""
        return self._run(wait(self.bank, request, resource=resource))

    def hear_notification(self, authorization: str | None, body: bytes) -> None:
        """See `notifications.hear_notification`: what the server posted to your notification endpoint."""
        flow = hear_notification(self.bank, Concealed(authorization), Concealed(body))
        del authorization, body
        self._run(flow)


class AsyncDecoupledMethods:
    """`AsyncClient` has them."""

    bank: Bank

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def device(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[DeviceParameters],
    ) -> DeviceAuthorization:
        flow = authorize_device(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        del parameters
        return await self._run(flow)

    async def ciba(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[AuthenticationParameters],
    ) -> CibaRequest:
        flow = request_authentication(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        del parameters
        return await self._run(flow)

    async def wait(self, request: DecoupledRequest, *, resource: str | None = None) -> Login:
        return await self._run(wait(self.bank, request, resource=resource))

    async def hear_notification(self, authorization: str | None, body: bytes) -> None:
        flow = hear_notification(self.bank, Concealed(authorization), Concealed(body))
        del authorization, body
        await self._run(flow)
