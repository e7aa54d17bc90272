"""The errors of calls to an API. See the tree in `rpkit.errors`."""

from __future__ import annotations

from typing import Any

from fapikit.errors import FapiError, Fault, Remedy


class ApiError(FapiError):
    """A call to an API cannot be made, or its response must not be used."""


class StepUpRequired(ApiError):
    """The API wants a stronger or more recent login: `client.begin(scope=..., resources=..., **error.parameters)`.

    `scope`: the scope that the API demands, or None if it named none.
    """

    clause = "RFC 9470 4"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN

    def __init__(
        self, message: str, *, acr_values: tuple[str, ...], max_age: int | None, scope: str | None
    ) -> None:
        super().__init__(message, facts={"acr_values": " ".join(acr_values), "max_age": max_age})
        self.acr_values = acr_values
        self.max_age = max_age
        self.scope = scope

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters to add to an authorization request, beside the scopes that the application needs."""
        asked: dict[str, Any] = {}
        if self.acr_values:
            asked["acr_values"] = self.acr_values
        if self.max_age is not None:
            asked["max_age"] = self.max_age
        return asked


class NoAccessToken(ApiError):
    """The token set has no usable access token for this resource, and no refresh token to get one with."""

    clause = "RFC 8707 2.2"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class NoSuchGrant(ApiError):
    """The server knows no grant with this `grant_id`, or the grant has ended."""

    clause = "GM 6.6"
    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN


class ForeignOrigin(ApiError):
    """A request would send the access token to another API than the one that it is for."""

    clause = "RFC 9700 4.9.3"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class BodySpent(ApiError):
    """A request must be sent again. Only the application can do that: the body was a stream of unknown length."""

    clause = "RFC 9449 9"
    fault = Fault.CONFIGURATION
    remedy = Remedy.CORRECT_THE_REQUEST


class OtherAuthorizationServer(ApiError):
    """The metadata of the API do not list the issuer of these tokens. `authorization_servers` is their list."""

    clause = "RFC 9728 3.3b"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION

    def __init__(self, message: str, *, authorization_servers: tuple[str, ...]) -> None:
        super().__init__(message, facts={"authorization_servers": " ".join(authorization_servers)})
        self.authorization_servers = authorization_servers
