"""The stored request of a client that polls: made once, found by the digest of its secret.

The secret (`device_code`, `auth_req_id`) is known to the client alone. Pages name the request by a URI with the digest
of the secret, which nobody can poll with.

Spec: RFC 8628 3.1b, 3.2a, 5.2; RFC 9449 10; RFC 8705 3
Role: AS
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from askit.clients.certificates import BOUND_TO_CERTIFICATE
from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest
from askit.intents.named import read_intent
from askit.records import Owners, WaitingRequest, digest
from askit.requests.authorization_request import common_members, read_members, typed_members
from askit.requests.client_address import client_address
from askit.requests.client_certificate import client_certificate
from askit.requests.request_uris import WAITING, OpenedRequest, require_room
from askit.requests.requested_subject import read_subjects
from askit.users.levels import needed_level
from askit.users.managed_grants import require_changeable
from fapikit.dpop import CheckedProof
from fapikit.parameters import Parameters
from fapikit.secrets import random_token

REMEMBERED: Final = 600.0
"""Seconds after its end for which a request is still known: late polls are told what happened, reuse is recognised."""


def new_secret(core: Core) -> str:
    """A secret for a client to poll with: 256 bits as base64url."""
    return random_token(core.random_bytes)


def uri_of(secret: str) -> str:
    """The URI that names its request on pages."""
    return WAITING + digest(secret)


async def read_waiting_request(
    core: Core,
    request: Request,
    parameters: Parameters,
    client: Client,
    proof: CheckedProof | None,
    *,
    grant_type: str,
    lifetime: float,
    **own: Any,
) -> WaitingRequest:
    """Check a request with the rules of PAR. `own`: further fields of the record, those of one flow.

    The DPoP key and the certificate of this HTTP request are the only ones that may redeem it.
    Raises Refused (TooLarge among them), JwtError, TransportError, StoreError.
    """
    request_object = parameters.get("request")
    signed = request_object is not None
    if "request_uri" in parameters:
        raise InvalidRequest("request_uri does not belong here", clause="RFC 9126 2.1-2")
    members = await read_members(core, parameters, client, request_object)
    members = typed_members(core, members, client, signed=signed)
    intent = await read_intent(core, members, client, signed=signed)
    common = common_members(core, members, client, jkt=proof.jkt if proof else None, intent=intent)
    if "none" in common["prompt"]:
        raise InvalidRequest("prompt=none needs a browser, and this request has none", clause="OIDC 3.1.2.1")
    fields = {
        **common,
        "expires_at": common["created_at"] + lifetime,
        "subjects": await read_subjects(core, members, client),
        "signed": signed,
        "grant_type": grant_type,
        "interval": core.config.polling_interval,
        "x5t": certificate_to_show_again(core, request, client),
        "address": client_address(request, core.config.trusted_proxies),
        **own,
    }
    waiting = WaitingRequest(**fields)
    needed_level(core, waiting, None)
    require_room(waiting, core.config.limits)
    await require_changeable(core, waiting, client)
    return waiting


async def start_request(core: Core, secret: str, request: WaitingRequest, owners: Owners) -> OpenedRequest:
    """Store a request under a `new_secret`. `owners` are charged for it. Raises StoreError."""
    uri = uri_of(secret)
    await core.records.save("request", uri, request, remembered_for(core, request.expires_at), owners)
    return OpenedRequest(uri, uri, request)


def remembered_for(core: Core, until: float) -> float:
    """The seconds for which a record is kept whose request ends at `until`."""
    return max(until - core.clock(), 0.0) + REMEMBERED


def certificate_to_show_again(core: Core, request: Request, client: Client) -> str | None:
    """The thumbprint of the certificate, if this client's tokens are bound to it."""
    certificate = client_certificate(core, request)
    bound = core.profile_of(client).certificate_binding_required or client.flag(BOUND_TO_CERTIFICATE)
    return certificate.thumbprint if bound and certificate is not None else None
