"""Device authorization: the request, and what its response gives to show to the user.

Spec: RFC 8628 3.1a, 3.2a, 3.2b, 3.3b, 3.3.1a, 3.4; RFC 9449 5, 10; RFC 8707 2; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fapikit.errors import InsecureUrl, MalformedMessage
from fapikit.flow import Flow, store_check
from fapikit.http_message import HttpResponse, raise_error_in_body, read_json_object
from fapikit.members import Members
from fapikit.secrets import Concealed, Secret, conceal
from fapikit.urls import require_no_downgrade, require_secure
from fapikit.visible_text import is_visible_line
from rpkit.back_channel import call_endpoint
from rpkit.bank import Bank
from rpkit.decoupled.polling import MAX_LIFETIME, interval_of
from rpkit.decoupled.qr_code import qr_png, qr_text
from rpkit.decoupled.request import DecoupledRequest
from rpkit.grants.device_code import exchange_device_code
from rpkit.login.grant_management import (
    GrantParameters,
    action_members,
    check_grant_management,
    scope_at_most,
)
from rpkit.login.request_object import sign_request
from rpkit.login.request_parameters import (
    absolute_resources,
    check_parameters,
    claims_with_levels,
    require_verifiable_id_token,
    scope_of,
    typed_details,
    words_of_parameter,
)
from rpkit.login.send_request import form_of
from rpkit.login.verified_claims_request import check_verified_claims
from rpkit.tokens.dpop_signer import new_dpop_key, signer_for
from rpkit.tokens.token_endpoint import TokenResponse

_CLAUSE: Final = "RFC 8628 3.2a"
_LONGEST_CODE: Final = 64
_LONGEST_URI: Final = 2000


class DeviceParameters(GrantParameters, total=False):
    """Further parameters of a device authorization request, by their registered names."""

    acr_values: str | Sequence[str]
    claims: Mapping[str, Any]
    id_token_hint: str
    login_hint: str
    max_age: int
    ui_locales: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAuthorization(DecoupledRequest):
    """Show `user_code` and `verification_uri` to the user, then `wait`. Show them to people who are close by only.

    `verification_uri_complete`: has the code in it, for a QR code or a link; None if the server gave none. Show the
    code beside it: the user compares the two. The codes are part of no repr.
    """

    seal_context: ClassVar[str] = "rpkit.device"
    clause: ClassVar[str] = "RFC 8628 3.5c"

    verification_uri: str
    _user_code: Secret
    _complete_uri: Secret | None

    @property
    def user_code(self) -> str:
        return self._user_code.reveal()

    @property
    def verification_uri_complete(self) -> str | None:
        return None if self._complete_uri is None else self._complete_uri.reveal()

    def redeem(self, bank: Bank, resource: str | None) -> Flow[TokenResponse]:
        return exchange_device_code(
            bank, self.reference, dpop=self.dpop, scope=scope_at_most(self), resource=resource
        )

    def own_members(self) -> dict[str, Any]:
        return {
            "verification_uri": self.verification_uri,
            "user_code": self.user_code,
            "verification_uri_complete": self.verification_uri_complete,
        }

    @classmethod
    def read_own_members(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        complete = members["verification_uri_complete"]
        return {
            "verification_uri": members["verification_uri"],
            "_user_code": Secret(members["user_code"]),
            "_complete_uri": None if complete is None else Secret(complete),
        }

    def qr_text(self) -> str:
        """A QR code of the complete URI (else of the plain one) as lines for a terminal.

        Raises ConfigurationError without the extra `qr`.
        """
        return qr_text(self.verification_uri_complete or self.verification_uri)

    def qr_png(self) -> bytes:
        """The same as a PNG image."""
        return qr_png(self.verification_uri_complete or self.verification_uri)


def authorize_device(
    bank: Bank,
    *,
    scope: str | Iterable[str] = "openid",
    resources: Iterable[str] = (),
    authorization_details: Iterable[Mapping[str, Any]] = (),
    parameters: Concealed[Mapping[str, Any]] | Mapping[str, Any],
) -> Flow[DeviceAuthorization]:
    """Ask for a device to be authorized. Begin it when the user asks for it, not before (RFC 8628 3.1c).

    Raises ConfigurationError, ForbiddenByProfile, MissingMetadata, StoreError before anything is sent; then
    PeerRefused, UnexpectedStatus, MalformedMessage, InsecureUrl, ServerBusy, TransportError.
    """
    parameters = conceal(parameters)
    settings = bank.settings
    check_parameters(parameters.reveal(), DeviceParameters, method="device")
    check_grant_management(bank, parameters.reveal())
    scope = scope_of(scope)
    check_verified_claims(bank, parameters.reveal(), scope)
    openid = "openid" in scope.split()
    if openid:
        require_verifiable_id_token(bank)
    bank.profile.require(
        bank.profile.device_grant,
        "devices cannot be authorized; begin a login in a browser, or use another profile",
        "device_grant",
    )
    bank.endpoint("device_authorization_endpoint")
    yield from store_check(settings.store)  # without a working store the end could not be marked
    asked: dict[str, Any] = {
        "scope": scope,
        "resources": absolute_resources(resources),
        "authorization_details": typed_details(bank, authorization_details),
        "acr_values": words_of_parameter("acr_values", parameters.reveal().get("acr_values")),
        "max_age": parameters.reveal().get("max_age"),
        "claims": claims_with_levels(bank, openid, parameters.reveal()),
        "dpop": new_dpop_key(bank),
    }
    members = Concealed(_members(bank, asked, parameters.reveal()))
    form, request_object = form_of(members.reveal()), None
    if settings.signed_requests:
        request_object = Secret((yield from sign_request(bank, members)))
        form = (("client_id", settings.client_id), ("request", request_object))
    sent_at = bank.now()
    response = yield from call_endpoint(
        bank, "device_authorization_endpoint", form, dpop=signer_for(bank, asked["dpop"])
    )
    return DeviceAuthorization(
        issuer=bank.issuer,
        client_id=settings.client_id,
        request_object=request_object,
        **action_members(parameters.reveal()),
        **asked,
        **_read(response, sent_at=sent_at),
    )


def _members(bank: Bank, asked: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the request. An empty one would count as absent, and is left out."""
    members: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
    members |= {
        "client_id": bank.settings.client_id,
        "scope": asked["scope"],
        "resource": list(asked["resources"]),
        "authorization_details": [dict(detail) for detail in asked["authorization_details"]],
        "acr_values": " ".join(asked["acr_values"]),
        "claims": asked["claims"],
        "dpop_jkt": None if asked["dpop"] is None else asked["dpop"].jkt,
    }
    return {name: value for name, value in members.items() if value not in (None, "", [])}


def _read(response: HttpResponse, *, sent_at: float) -> dict[str, Any]:
    """The fields of a `DeviceAuthorization` that its response has."""
    members = Members(
        read_json_object(response, clause=_CLAUSE),
        document="the device authorization response",
        clause=_CLAUSE,
    )
    device_code = members.text("device_code", decides=True)
    if device_code is None:
        raise_error_in_body(response, clause=_CLAUSE)
        raise members.refuse("device_code", "is missing")
    lifetime = members.number("expires_in", decides=True)
    if lifetime is None or lifetime <= 0:
        raise members.refuse("expires_in", "is missing, or is not above zero")
    return {
        "reference": Secret(device_code),
        "_user_code": Secret(_shown(members, "user_code", _LONGEST_CODE)),
        "verification_uri": _uri(members, "verification_uri", response.url),
        "_complete_uri": _complete_uri(members, response.url),
        "interval": interval_of(members.number("interval")),
        "expires_at": sent_at + min(lifetime, MAX_LIFETIME),  # the code is not younger than that
    }


def _shown(members: Members, name: str, longest: int) -> str:
    """A text that the application prints. A control character could write anything to a terminal."""
    text = members.text(name, decides=True)
    if text is None:
        raise members.refuse(name, "is missing")
    if len(text) > longest or not is_visible_line(text):
        raise members.refuse(name, f"is longer than {longest} characters, or has some that cannot be seen")
    return text


def _uri(members: Members, name: str, endpoint: str) -> str:
    uri = require_secure(_shown(members, name, _LONGEST_URI), f"{name} of the device authorization response")
    require_no_downgrade(endpoint, uri, f"{name} of the device authorization response")
    return uri


def _complete_uri(members: Members, endpoint: str) -> Secret | None:
    name = "verification_uri_complete"
    if name not in members.present:
        return None
    try:
        return Secret(_uri(members, name, endpoint))
    except (InsecureUrl, MalformedMessage) as error:
        members.leave_out(name, error.message)
        return None
