"""The response to a registration: kept in full, and refused if the registration is weaker than was requested.

After this response the client exists at the server. So its client_id, its secret and its registration access token are
never lost: if the response is refused, the error carries them.

Spec: RFC 7591 2, 3.2.1; RFC 7592 3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

from fapikit import strict_json
from fapikit.errors import FapiError, InsecureUrl
from fapikit.http_message import HttpResponse, raise_error_in_body, read_json_object
from fapikit.members import Members
from fapikit.secrets import Secret
from fapikit.stores.sealed import Seal
from fapikit.tracebacks import forgets_locals
from fapikit.urls import require_no_downgrade, require_secure
from rpkit.errors import RegistrationError
from rpkit.registration.software_statement import STATEMENT, effective_metadata

_CLAUSE: Final = "RFC 7591 3.2.1"
_ENFORCED_BY_SERVER: Final[Mapping[str, object]] = {
    "token_endpoint_auth_method": "client_secret_basic",
    "subject_type": "public",
    "sector_identifier_uri": None,
    "redirect_uris": None,
    "request_uris": None,
    "request_object_signing_alg": None,
    "require_signed_request_object": False,
    "require_pushed_authorization_requests": False,
    "dpop_bound_access_tokens": False,
    "tls_client_certificate_bound_access_tokens": False,
    "backchannel_token_delivery_mode": None,
    "backchannel_client_notification_endpoint": None,
    "backchannel_authentication_request_signing_alg": None,
}
"""The metadata that the server alone enforces, with the default of each. Its loss would not be noticed elsewhere."""
RESPONSE_ALGS: Final = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
)
"""The metadata that the client enforces too, on each response. So the response of a server may leave them out."""
_SEAL_CONTEXT: Final = "rpkit.registration.registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the server registered. The calls of `configuration` read, update and delete it later. `seal` keeps it."""

    client_id: str
    client_secret: Secret | None
    client_secret_expires_at: float | None
    registration_access_token: Secret | None
    registration_client_uri: str | None
    metadata: Mapping[str, Any] = field(repr=False)

    def over(self, before: Registration) -> Registration:
        """This registration, completed by the members of `before` that a later response may leave out."""
        return replace(
            self,
            client_secret=self.client_secret or before.client_secret,
            client_secret_expires_at=(self if self.client_secret else before).client_secret_expires_at,
            registration_access_token=self.registration_access_token or before.registration_access_token,
            registration_client_uri=self.registration_client_uri or before.registration_client_uri,
        )

    def seal(self, seal: Seal) -> str:
        """The registration with its secrets as encrypted and authenticated text, for a file or a database."""
        secrets = (self.client_secret, self.registration_access_token)
        members = {
            "client_id": self.client_id,
            "secrets": [None if secret is None else secret.reveal() for secret in secrets],
            "client_secret_expires_at": self.client_secret_expires_at,
            "registration_client_uri": self.registration_client_uri,
            "metadata": dict(self.metadata),
        }
        return seal.seal_text(strict_json.dump(members), _SEAL_CONTEXT)

    @classmethod
    @forgets_locals
    def open(cls, sealed: str, seal: Seal) -> Registration:
        """Raises SealBroken."""
        members = dict(strict_json.parse_object(seal.open_text(sealed, _SEAL_CONTEXT)))
        secret, access_token = (None if text is None else Secret(text) for text in members.pop("secrets"))
        return cls(client_secret=secret, registration_access_token=access_token, **members)

    @classmethod
    def kept_in(cls, error: FapiError) -> Registration | None:
        """The registration that an error carries: the server made it, and its response was refused."""
        return error.outcome if isinstance(error.outcome, cls) else None


def read_registration_answer(
    response: HttpResponse, asked: Mapping[str, Any], *, status: int, clause: str
) -> Registration:
    """The registration in the response, checked against what was requested.

    Raises PeerRefused, UnexpectedStatus, MalformedMessage; RegistrationError, whose `outcome` is the registration.
    """
    members = Members(
        read_json_object(response, status=status, clause=clause),
        document="the registration response",
        clause=_CLAUSE,
        refusal=RegistrationError,
    )
    client_id = members.text("client_id")
    if client_id is None:
        raise_error_in_body(response, clause=_CLAUSE)
    secret = _secret(members, "client_secret")
    registered = Registration(
        client_id=client_id or "",
        client_secret=secret,
        client_secret_expires_at=None if secret is None else _expiry(members),
        registration_access_token=_secret(members, "registration_access_token"),
        registration_client_uri=_address(members, response.url),
        metadata={
            name: value
            for name, value in members.present.items()
            if name not in ("client_secret", "registration_access_token")
        },
    )
    try:
        if client_id is None:
            raise members.refuse("client_id", "is missing")
        _require_same_statement(members, asked)
        _require_as_asked(members, effective_metadata(asked))
    except RegistrationError as error:
        error.outcome = registered
        raise
    return registered


def _secret(members: Members, name: str) -> Secret | None:
    value = members.text(name)
    return None if value is None else Secret(value)


def _require_same_statement(members: Members, asked: Mapping[str, Any]) -> None:
    """Raises RegistrationError if the server changed the statement. A server may ignore it (RFC 7591 3.1.1)."""
    if STATEMENT not in asked:
        return
    returned = members.present.get(STATEMENT)
    if returned is None:
        members.bear(STATEMENT, "it is missing, so the server has ignored the one that was sent")
    elif returned != asked[STATEMENT]:
        raise RegistrationError(
            "the software_statement in the response is not the one that was sent: this registration may be of other"
            " software, so delete it",
            facts={"member": STATEMENT},
        )


def _require_as_asked(members: Members, asked: Mapping[str, Any]) -> None:
    """Raises RegistrationError for weaker metadata. What the response leaves out has its default (RFC 7591 3.2.1)."""
    meanings = {**{name: asked.get(name) for name in RESPONSE_ALGS}, **_ENFORCED_BY_SERVER}
    for name, meaning in meanings.items():
        if name not in asked:
            continue
        if not _same(asked[name], members.present.get(name, meaning)):
            raise RegistrationError(
                f"the server registered another {name} than was requested, or none: correct the request or the"
                " server, then update or delete this registration",
                facts={
                    "member": name,
                    "expected": asked[name],
                    "got": members.present.get(name, "(left out)"),
                },
            )


def _same(asked: Any, got: Any) -> bool:
    """Whether two values are equal. A flag may be text. A list may be one string, or have another order."""
    if isinstance(asked, bool):
        return got is asked or (isinstance(got, str) and got.lower() == str(asked).lower())
    if isinstance(asked, list | tuple):
        words = got.split() if isinstance(got, str) else got
        return isinstance(words, list) and sorted(map(str, words)) == sorted(map(str, asked))
    return bool(got == asked)


def _expiry(members: Members) -> float | None:
    """When the secret expires; None if it never does, or if the server does not say."""
    name = "client_secret_expires_at"
    value = members.present.get(name)
    if value is None:
        members.bear(name, "it is missing beside a client_secret, so the expiry of the secret is unknown")
    elif isinstance(value, str):
        try:
            date = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            members.bear(name, "it is a date and is read as a time")
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return members.number(name) or None


def _address(members: Members, answered_by: str) -> str | None:
    """The URL to manage the registration at: absolute, or relative to the URL of the response. It must be https."""
    name = "registration_client_uri"
    uri = members.text(name)
    if uri is None:
        return None
    try:
        absolute = urljoin(answered_by, uri)
        if absolute != uri:
            members.bear(name, "it is relative and is read as a URI of this server")
        require_secure(absolute, name)
        require_no_downgrade(answered_by, absolute, name)
    except (InsecureUrl, ValueError) as error:
        members.leave_out(name, str(error))
        return None
    return absolute
