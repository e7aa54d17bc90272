"""Signs the requests of one API client, and checks that each answer is signed and belongs to its request.

Spec: FAPI2-HS 1.1-1, 1.1-7, 1.1-8, 2.2-1, 2.2-2, 2.2-3, 2.2-4, 2.2-5; RFC 9421 2.4
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import aclosing, closing
from functools import lru_cache
from typing import Any

from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow
from fapikit.http_message import Headers, HttpRequest, HttpResponse
from fapikit.http_signatures.content_digest import FIELD as CONTENT_DIGEST
from fapikit.http_signatures.content_digest import RunningDigest
from fapikit.http_signatures.coverage import Coverage
from fapikit.http_signatures.messages import FieldLines, RequestMessage, ResponseMessage
from fapikit.http_signatures.sign import sign_request
from fapikit.http_signatures.verify import VerifiedSignature, Verifier, verify_response
from fapikit.jose.key_set import KeySource
from fapikit.jose.signer import Signer
from fapikit.urls import without_query
from rpkit.api.hashed_answer import hash_answer, hashed_streams
from rpkit.api.message_signing import SIGNATURE, Verified, put, request_of
from rpkit.bank import Bank


class SignedCalls:
    """`HttpSignatures` at work for one API client. It is a `CallSigning`, with an `Auth` of its own."""

    def __init__(
        self,
        bank: Bank,
        *,
        signer: Signer | None,
        keys: KeySource | None,
        fields: Collection[str],
        answer_fields: Collection[str],
        max_age: float,
    ) -> None:
        """`keys`: of the API; None: answers are not checked.

        Raises ConfigurationError, ForbiddenByProfile if the profile does not allow the algorithm of the signer.
        """
        self._signer = signer
        self._bank = bank
        self._covered = Coverage.of(fields, always=("content-type",))
        algorithms, skew = bank.profile.signing_algorithms, bank.profile.clock_skew
        self._verifier = None
        if keys is not None:
            self._verifier = Verifier(
                keys=keys,
                algorithms=algorithms,
                coverage=Coverage.of(answer_fields),
                max_age=max_age,
                skew=skew,
            )
        if signer is not None:
            bank.profile.require(
                signer.alg in algorithms,
                f"HttpSignatures(signer=) is for {signer.alg}",
                "signing_algorithms",
            )

    @property
    def signs(self) -> bool:
        """Whether requests are signed."""
        return self._signer is not None

    @staticmethod
    def auth_class(plain: Any, library: Any) -> Any:
        """A subclass of the `Auth` that adds credentials: it signs what that sends, and checks what it lets through."""
        return _signing_auth(plain, library)

    def sign(self, request: HttpRequest) -> Flow[tuple[Headers, bytes]]:
        """The fields to set on this request, which has its credentials already."""
        if self._signer is None:
            return (), request.body
        message = RequestMessage(request.method, request.url, FieldLines(request.headers))
        fields = yield from sign_request(
            message, request.body, self._signer, coverage=self._covered, now=self._bank.now()
        )
        return fields, request.body

    def verify(self, answer: HttpResponse) -> Flow[Verified | None]:
        """Raises HttpSignatureError, TransportError; ConfigurationError for an answer without its request."""
        if answer.request is None:
            raise ConfigurationError("the signature of an answer needs the request that it answers")
        sent = RequestMessage(answer.request.method, answer.request.url, FieldLines(answer.request.headers))
        digest = RunningDigest()
        digest.update(answer.body)
        signature = yield from self.verify_octets(
            ResponseMessage(answer.status, answer.headers, sent), digest
        )
        return None if signature is None else Verified(signature)

    def verify_octets(self, answer: ResponseMessage, digest: RunningDigest) -> Flow[VerifiedSignature | None]:
        """`digest`: of the body as it came. None if answers are not checked."""
        if self._verifier is None:
            return None
        claimed = answer.headers.value(CONTENT_DIGEST)
        if digest.octets or (claimed is not None and answer.request.method != "HEAD"):
            digest.require(claimed)
        return (
            yield from verify_response(
                answer,
                self._verifier,
                body=digest.octets > 0,
                signed_request=self._signer is not None,
                now=self._bank.now(),
            )
        )


def _verified(signing: SignedCalls, response: Any, digest: RunningDigest) -> Flow[None]:
    """Verify a response of httpx. Its `extensions` then have what verified.

    Raises HttpSignatureError, TransportError, with the response as `outcome`.
    """
    sent = RequestMessage(
        response.request.method, str(response.request.url), FieldLines(response.request.headers.multi_items())
    )
    answer = ResponseMessage(response.status_code, response.headers.multi_items(), sent)
    try:
        signature = yield from signing.verify_octets(answer, digest)
    except FapiError as error:
        error.outcome = response
        error.add_note(
            f"{without_query(str(response.request.url))} answered with status {response.status_code}. The answer "
            "cannot be relied on, but the request may have been executed: see outcome."
        )
        raise
    if signature is not None:
        response.extensions[SIGNATURE] = signature


@lru_cache(maxsize=4)
def _signing_auth(plain: Any, library: Any) -> Any:
    hashed, async_hashed = hashed_streams(library)

    class SigningAuth(plain):  # type: ignore[misc]
        def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            signatures: SignedCalls = self.target.signing
            with closing(super().sync_auth_flow(request)) as credentials:
                next(credentials)
                while True:
                    if signatures.signs:
                        put(request, self._run(signatures.sign(request_of(request))), library)
                    response = yield request
                    digest = hash_answer(response, hashed)
                    try:
                        credentials.send(response)
                    except StopIteration:
                        break
            response.read()
            self._run(_verified(signatures, response, digest))

        async def async_auth_flow(self, request: Any) -> Any:
            signatures: SignedCalls = self.target.signing
            async with aclosing(super().async_auth_flow(request)) as credentials:
                await anext(credentials)
                while True:
                    if signatures.signs:
                        put(request, await self._arun(signatures.sign(request_of(request))), library)
                    response = yield request
                    digest = hash_answer(response, async_hashed)
                    try:
                        await credentials.asend(response)
                    except StopAsyncIteration:
                        break
            await response.aread()
            await self._arun(_verified(signatures, response, digest))

    return SigningAuth
