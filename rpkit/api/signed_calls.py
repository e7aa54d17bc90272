"""Signs the requests of one API client, and checks that each answer is signed and belongs to its request.

Spec: FAPI2-HS 1.1-1, 1.1-7, 1.1-8, 2.2-1, 2.2-2, 2.2-3, 2.2-4, 2.2-5; RFC 9421 2.4
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import aclosing, closing
from functools import lru_cache
from typing import Any

from fapikit.errors import FapiError
from fapikit.flow import Flow
from fapikit.http_message import Headers
from fapikit.http_signatures.content_digest import FIELD as CONTENT_DIGEST
from fapikit.http_signatures.content_digest import RunningDigest
from fapikit.http_signatures.coverage import Coverage
from fapikit.http_signatures.messages import FieldLines, RequestMessage, ResponseMessage
from fapikit.http_signatures.sign import sign_request
from fapikit.http_signatures.verify import Verifier, verify_response
from fapikit.jose.key_set import KeySource
from fapikit.jose.signer import Signer
from fapikit.urls import without_query
from rpkit.api.hashed_answer import hash_answer, hashed_streams
from rpkit.api.message_signing import SIGNATURE, request_of
from rpkit.bank import Bank


class SignedCalls:
    """`HttpSignatures` at work for one API client. Requests and responses are those of httpx or httpx2."""

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

    @staticmethod
    def auth_class(plain: Any, library: Any) -> Any:
        """A subclass of the `Auth` that adds credentials: it signs what that sends, and checks what it lets through."""
        return _signing_auth(plain, library)

    def sign(self, request: Any) -> Flow[Headers]:
        """The fields to set on this request, which has its credentials already."""
        if self._signer is None:
            return ()
        body = request_of(request).body
        message = _message_of(request)
        del request  # error trackers show the variables of each frame that an exception passes
        return (
            yield from sign_request(message, body, self._signer, coverage=self._covered, now=self._bank.now())
        )

    def verify(self, response: Any, digest: RunningDigest) -> Flow[None]:
        """`digest`: of the body as it came. What verified is then in the `extensions` of the response.

        Raises HttpSignatureError, TransportError, with the response as `outcome`.
        """
        if self._verifier is None:
            return
        try:
            answer = ResponseMessage(
                response.status_code, response.headers.multi_items(), _message_of(response.request)
            )
            claimed = answer.headers.value(CONTENT_DIGEST)
            if digest.octets or (claimed is not None and response.request.method != "HEAD"):
                digest.require(claimed)
            response.extensions[SIGNATURE] = yield from verify_response(
                answer,
                self._verifier,
                body=digest.octets > 0,
                signed_request=self._signer is not None,
                now=self._bank.now(),
            )
        except FapiError as error:
            error.outcome = response
            error.add_note(
                f"{without_query(str(response.request.url))} answered with status {response.status_code}. The answer "
                "cannot be relied on, but the request may have been executed: see outcome."
            )
            raise


@lru_cache(maxsize=4)
def _signing_auth(plain: Any, library: Any) -> Any:
    hashed, async_hashed = hashed_streams(library)

    class SigningAuth(plain):  # type: ignore[misc]
        def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            signatures: SignedCalls = self.target.signing
            with closing(super().sync_auth_flow(request)) as credentials:
                next(credentials)
                while True:
                    request.headers.update(self._run(signatures.sign(request)))
                    response = yield request
                    digest = hash_answer(response, hashed)
                    try:
                        credentials.send(response)
                    except StopIteration:
                        break
            response.read()
            self._run(signatures.verify(response, digest))

        async def async_auth_flow(self, request: Any) -> Any:
            signatures: SignedCalls = self.target.signing
            async with aclosing(super().async_auth_flow(request)) as credentials:
                await anext(credentials)
                while True:
                    request.headers.update(await self._arun(signatures.sign(request)))
                    response = yield request
                    digest = hash_answer(response, async_hashed)
                    try:
                        await credentials.asend(response)
                    except StopAsyncIteration:
                        break
            await response.aread()
            await self._arun(signatures.verify(response, digest))

    return SigningAuth


def _message_of(request: Any) -> RequestMessage:
    return RequestMessage(request.method, str(request.url), FieldLines(request.headers.multi_items()))
