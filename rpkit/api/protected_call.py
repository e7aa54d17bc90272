"""One call to a protected resource over rpkit's own transport, with the access token and its DPoP proof in headers.

Spec: FAPI2-SP 5.3.3.1-3; RFC 9700 4.3.2; RFC 9449 7.1, 7.3, 9; RFC 9470 4; FAPI1-BL 6.2.2-1
Role: C
"""

from __future__ import annotations

from fapikit.errors import FapiError
from fapikit.flow import Flow
from fapikit.http_message import Fields, HttpRequest, HttpResponse
from fapikit.secrets import Secret
from rpkit.api.challenge import demands_nonce, read_challenges
from rpkit.api.message_signing import CallSigning
from rpkit.back_channel import dpop_headers, send
from rpkit.bank import Bank
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.dpop_signer import signer_for
from rpkit.tokens.token_set import AccessToken


def call_protected(
    bank: Bank,
    method: str,
    url: str,
    *,
    token: AccessToken,
    dpop: DPoPKey | None,
    headers: Fields = (),
    body: bytes = b"",
    signing: CallSigning | None = None,
) -> Flow[HttpResponse]:
    """Send the request; if the resource demands a nonce, send it once more. Raises TransportError.

    `signing`: signs each attempt, and verifies the answer. Raises JwtError, StoreError, with the answer as `outcome`.
    """
    request = yield from _build(bank, method, url, token, dpop, headers, body, signing)
    response = yield from send(bank, request)
    challenges = read_challenges(response.all("www-authenticate"))
    if demands_nonce(response.status, challenges, response.all("dpop-nonce")):
        request = yield from _build(bank, method, url, token, dpop, headers, body, signing)
        response = yield from send(bank, request)
    return response if signing is None else (yield from _verified(signing, response))


def credentials_for(
    bank: Bank, method: str, url: str, *, token: AccessToken, dpop: DPoPKey | None
) -> Flow[Fields]:
    """The Authorization header and, for a DPoP-bound token, a proof for this request."""
    signer = signer_for(bank, dpop)
    proof = yield from dpop_headers(bank, signer, method, url, access_token=token.value)
    return (("authorization", Secret(f"{token.token_type} {token.value.reveal()}")), *proof)


def _build(
    bank: Bank,
    method: str,
    url: str,
    token: AccessToken,
    dpop: DPoPKey | None,
    headers: Fields,
    body: bytes,
    signing: CallSigning | None,
) -> Flow[HttpRequest]:
    credentials = yield from credentials_for(bank, method, url, token=token, dpop=dpop)
    request = HttpRequest(method, url, (*headers, *credentials), body)
    if signing is None:
        return request
    added, body = yield from signing.sign(request)
    replaced = {name.lower() for name, _ in added}
    kept = (field for field in request.headers if field[0].lower() not in replaced)
    return HttpRequest(method, url, (*kept, *added), body)


def _verified(signing: CallSigning, response: HttpResponse) -> Flow[HttpResponse]:
    """The response as the application gets it."""
    try:
        verified = yield from signing.verify(response)
    except FapiError as error:
        error.outcome = response
        raise
    if verified is None or verified.body is None:
        return response
    others = (field for field in response.headers if field[0].lower() != "content-type")
    headers = (("content-type", verified.media_type), *others)
    return HttpResponse(response.status, headers, verified.body, response.url)
