"""What FAPI 2.0 HTTP Signatures wants covered, in requests and in responses, and how old a signature may be.

Spec: FAPI2-HS 1.1-2, -3, -4, -5, -6, -7, -8, 1.2-4, -5, -6, -7, -8, 2.1-2, -3, -4, -5, -6, -7, 2.2-3, -4, -5
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.http_signatures.content_digest import FIELD as CONTENT_DIGEST
from fapikit.http_signatures.fields import INPUT, SIGNATURE, Component
from fapikit.http_signatures.messages import Message, RequestMessage, ResponseMessage

REQUEST_TAG: Final = "fapi-2-request"
RESPONSE_TAG: Final = "fapi-2-response"
MAX_AGE: Final = 60.0
"""Seconds since `created` (FAPI2-HS 1.2-6 recommends a minute)."""
_ALWAYS: Final = frozenset({"authorization", "dpop", CONTENT_DIGEST, INPUT, SIGNATURE})


@dataclass(frozen=True, slots=True)
class Coverage:
    """`fields`: fields that are covered whenever the message has them, besides what FAPI wants."""

    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Collection[str], *, always: Collection[str] = ()) -> Coverage:
        """`always`: further fields, which no setting takes away. Raises ConfigurationError."""
        names: Collection[object] = fields
        if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
            raise ConfigurationError(
                'fields= must be several names of fields, such as ("x-idempotency-key",)'
            )
        return cls(
            tuple(name for name in dict.fromkeys(map(str.lower, (*always, *fields))) if name not in _ALWAYS)
        )

    def of_request(self, request: RequestMessage, *, body: bool) -> tuple[Component, ...]:
        """The components that a request with this form must cover."""
        names = ["@method", "@target-uri", "authorization"]
        if request.headers.lines("dpop"):
            names.append("dpop")
        if body:
            names.append(CONTENT_DIGEST)
        return tuple(map(Component, (*names, *self._present(request))))

    def of_response(
        self, response: ResponseMessage, *, body: bool, signed_request: bool
    ) -> tuple[Component, ...]:
        """The same of a response. `signed_request`: the request that it answers was signed."""
        names = ["@status", *([CONTENT_DIGEST] if body else ()), *self._present(response)]
        return (*map(Component, names), *_of_its_request(response, signed_request=signed_request))

    def _present(self, message: Message) -> Iterator[str]:
        return (name for name in self.fields if message.headers.lines(name))


FAPI: Final = Coverage()
"""What FAPI wants, and nothing more."""


def _of_its_request(response: ResponseMessage, *, signed_request: bool) -> Iterator[Component]:
    names = ["@method", "@target-uri"]
    if response.request.headers.lines(CONTENT_DIGEST):
        names.append(CONTENT_DIGEST)
    if signed_request:
        names += [name for name in (INPUT, SIGNATURE) if response.request.headers.lines(name)]
    return (Component(name, (("req", True),)) for name in names)
