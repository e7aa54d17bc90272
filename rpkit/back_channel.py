"""One call to an endpoint of the server: with client authentication, a DPoP proof, and one retry with a DPoP nonce.

Spec: FAPI2-SP 5.3.3.1-2, -5, -8; RFC 9449 5a, 7.3, 8, 8.2
Role: C
"""

from __future__ import annotations

from typing import Final, TypeAlias

from fapikit.dpop import make_proof
from fapikit.flow import Flow, http
from fapikit.http_message import (
    DEFAULT_TIMEOUT,
    Fields,
    HttpRequest,
    HttpResponse,
    form_request,
    read_retry_after,
    words_in,
)
from fapikit.jose.signer import Signer
from fapikit.secrets import Secret
from fapikit.urls import without_query
from rpkit.bank import Bank
from rpkit.errors import ServerBusy

Form: TypeAlias = Fields
_NONCE_ATTEMPTS: Final = 2
_BUSY: Final = frozenset({429, 503})


def call_endpoint(
    bank: Bank,
    endpoint: str,
    form: Form,
    *,
    dpop: Signer | None = None,
    headers: Fields = (),
    timeout: float = DEFAULT_TIMEOUT,
) -> Flow[HttpResponse]:
    """POST a form with client authentication. `timeout`: in seconds. Raises MissingMetadata, TransportError."""
    url = bank.endpoint(endpoint)
    for attempt in range(_NONCE_ATTEMPTS):
        credentials = yield from bank.settings.auth.credentials(
            client_id=bank.settings.client_id,
            audience=bank.assertion_audience,
            clock=bank.settings.clock,
            random_bytes=bank.settings.random_bytes,
        )
        proof = yield from dpop_headers(bank, dpop, "POST", url)
        credential_names = {name for name, _ in credentials.parameters}
        fields = [field for field in form if field[0] not in credential_names]  # client_id is sent once
        request = form_request(
            url,
            (*fields, *credentials.parameters),
            (*credentials.headers, *proof, *headers),
            timeout=timeout,
        )
        response = yield from send(bank, request)
        last = attempt + 1 == _NONCE_ATTEMPTS
        if dpop is None or last or not _demands_nonce(response):
            break
    return response


def send(bank: Bank, request: HttpRequest) -> Flow[HttpResponse]:
    """Send a request, and keep the DPoP nonce of any response. Raises ServerBusy, TransportError."""
    response = yield from http(request)
    bank.nonces.learn(request.url, response.all("dpop-nonce"))
    if response.status in _BUSY:
        words = words_in(response)
        raise ServerBusy(
            f"{without_query(request.url)} is busy (status {response.status}): call it again later"
            + (f"; it answered {words}" if words else ""),
            status=response.status,
            retry_after=read_retry_after(response, bank.now()),
            peer_code=words.code,
        )
    return response


def dpop_headers(
    bank: Bank, signer: Signer | None, method: str, url: str, *, access_token: Secret | None = None
) -> Flow[Fields]:
    """The DPoP header with a proof for this one request; no header where `signer` is None."""
    if signer is None:
        return ()
    proof = yield from make_proof(
        signer,
        method=method,
        url=url,
        now=bank.now(),
        jti=bank.random_string(),
        access_token=access_token,
        nonce=bank.nonces.get(url),
    )
    return (("dpop", Secret(proof)),)


def _demands_nonce(response: HttpResponse) -> bool:
    if response.status not in (400, 401) or not response.header("dpop-nonce"):
        return False
    return words_in(response).code == "use_dpop_nonce"
