"""One signed request is checked, one answer is signed. The middlewares hand in the fields and the octets.

A request is checked after its token, so that the signer is known: it is the client of the token, and nobody else. Its
`@target-uri` is rebuilt from configuration, as the `htu` of a DPoP proof is, never from Host.

Spec: FAPI2-HS 1.2-1, 1.2-2, 1.2-3, 1.2-4, 1.2-5, 1.2-7, 1.2-8, 2.1-1, 2.1-2, 2.1-3; RFC 9421 3.2, 5.1
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fapikit.clock import Clock
from fapikit.errors import MissingHttpSignature, UncoveredComponent, UnknownComponent, UnknownSignatureKey
from fapikit.flow import Flow
from fapikit.http_message import Headers
from fapikit.http_signatures.accept import accept_signature
from fapikit.http_signatures.content_digest import FIELD as CONTENT_DIGEST
from fapikit.http_signatures.content_digest import require_body
from fapikit.http_signatures.coverage import Coverage
from fapikit.http_signatures.fields import has_signature
from fapikit.http_signatures.messages import FieldLines, RequestMessage, ResponseMessage
from fapikit.http_signatures.sign import sign_response
from fapikit.http_signatures.verify import VerifiedSignature, Verifier, verify_request
from fapikit.jose.key_set import KeySource
from fapikit.profiles import Profile
from fapikit.token_bucket import TokenBucket
from rskit.answers.trace import LOGGER
from rskit.errors import UnknownSigner
from rskit.http_signatures.refusal import missing_signature
from rskit.http_signatures.settings import HttpSignatures
from rskit.request_view import RequestView
from rskit.signed_messages.clients import ClientKeys
from rskit.tokens.token import Token


class SignatureChecks:
    """What `HttpSignatures` of one server does. `settings` are its budgets."""

    def __init__(
        self,
        settings: HttpSignatures,
        profile: Profile,
        bases: tuple[str, ...],
        clock: Clock,
        *,
        issuers: int,
    ) -> None:
        """`bases`: the part before the raw path in the URLs of this server. Raises ConfigurationError."""
        self.settings = settings
        self._algorithms: Collection[str] = profile.signing_algorithms
        self._skew = profile.clock_skew
        self._bases = bases
        self._clock = clock
        self._unsigned = TokenBucket(10, 10.0)
        self._required = Coverage.of(settings.fields)
        self._covered = Coverage.of(settings.answer_fields, always=("content-type",))
        self._keys = (
            None
            if settings.clients is None
            else ClientKeys(settings.clients, clock, issuers=issuers, named=False)
        )

    @property
    def checks_requests(self) -> bool:
        return self._keys is not None

    @property
    def signs_answers(self) -> bool:
        return self.settings.signer is not None

    def wants(self, headers: FieldLines) -> bool:
        """Whether this request is checked: its body is then needed.

        An answer is bound to the Content-Digest of its request. So that is compared in any case.
        """
        if headers.lines(CONTENT_DIGEST):
            return True
        return self._keys is not None and (self.settings.required or has_signature(headers))

    def check(
        self, view: RequestView, headers: FieldLines, body: bytes, token: Token
    ) -> Flow[VerifiedSignature | None]:
        """None for a request that is not signed and need not be. A Content-Digest that it has must be right.

        Raises HttpSignatureError, with what is `wanted` if something is not covered; TransportError if the client's
        keys cannot be fetched now.
        """
        try:
            return (yield from self._checked(view, headers, body, token))
        except (MissingHttpSignature, UncoveredComponent) as error:
            request = RequestMessage(view.method, "/", headers)
            error.wanted = accept_signature(self._required.of_request(request, body=bool(body)))
            raise
        finally:
            del view, body  # error trackers show the variables of each frame that an exception passes

    def _checked(
        self, view: RequestView, headers: FieldLines, body: bytes, token: Token
    ) -> Flow[VerifiedSignature | None]:
        requests, has_body = self._requests(view, headers), bool(body)
        signed, digest = self._keys is not None and has_signature(headers), headers.value(CONTENT_DIGEST)
        if self._keys is not None and self.settings.required and not signed:
            raise missing_signature()
        if digest is not None or (signed and has_body):
            require_body(digest, body)
        if self._keys is None or not signed:
            return None
        del view, body  # error trackers show the variables of each frame that an exception passes
        if not requests:
            raise UnknownComponent(
                "the request has no URL that could be signed: its target is not a path",
                facts={"component": '"@target-uri"'},
            )
        verifier = Verifier(
            keys=(yield from _keys_of(self._keys, token)),
            algorithms=self._algorithms,
            coverage=self._required,
            max_age=self.settings.max_age,
            skew=self._skew,
        )
        at, signature = yield from verify_request(requests, verifier, body=has_body, now=self._clock())
        return signature.of(requests[at])

    def sign(
        self,
        view: RequestView,
        sent: FieldLines,
        signed: VerifiedSignature | None,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Flow[Headers]:
        """The fields to add to this answer. `sent`: the fields of its request. `signed`: set if that was signed.

        No field is added to the answer to a request that has no URL which could be signed.
        """
        if self.settings.signer is None:
            return ()
        request = self._answered(view, sent) if signed is None or signed.request is None else signed.request
        path = view.path
        del view
        try:
            return (
                yield from sign_response(
                    ResponseMessage(status, headers, request),
                    body,
                    self.settings.signer,
                    coverage=self._covered,
                    now=self._clock(),
                    signed_request=has_signature(request.headers),
                )
            )
        except UnknownComponent as error:
            if self._unsigned.take(self._clock()):  # anybody can send such a request
                LOGGER.warning("the answer to %.80r is not signed: %s", path, error)
            return ()

    def _answered(self, view: RequestView, sent: FieldLines) -> RequestMessage:
        """A request whose signature was not verified: its answer is bound to what it said, if that can be covered."""
        coverable = FieldLines(
            (name, value) for name, value in sent.items() if value.isascii() and value.isprintable()
        )
        found = self._requests(view, coverable) or self._requests(
            view._replace(path="/", query=""), coverable
        )
        return found[0]

    def _requests(self, view: RequestView, headers: FieldLines) -> list[RequestMessage]:
        """The request at each URL that it may have been sent to; none if its target is not a path."""
        path, query = view.path, f"?{view.query}" if view.query else ""
        if not path.startswith("/") or "?" in path or "#" in path:
            return []
        return [RequestMessage(view.method, f"{base}{path}{query}", headers) for base in self._bases]


def _keys_of(clients: ClientKeys, token: Token) -> Flow[KeySource]:
    """Raises UnknownSignatureKey."""
    try:
        _, keys = yield from clients.of(token)
        return keys
    except UnknownSigner as error:
        raise UnknownSignatureKey(error.message, facts=error.facts) from error
