"""The interface of a scheme of signed messages, and what it is told of its server.

Spec: UK-JWS 1; BR-JWT 1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from fapikit.clock import Clock, RandomBytes
from fapikit.flow import Flow
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.stores.protocol import Store
from rskit.policy.body_budget import BodyBudget
from rskit.signed_messages.clients import SigningClient
from rskit.tokens.token import Token

DEFAULT_BUDGET: Final = BodyBudget()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningServer:
    """What a scheme needs of its resource server. `urls`: the URLs that a raw path may have for its clients.

    `issuers`: how many it trusts.
    """

    resource: str
    issuers: int
    clock: Clock
    random_bytes: RandomBytes
    store: Store = field(repr=False)
    urls: Callable[[str], Sequence[str]] = field(repr=False)
    skew: float


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that may reach the application.

    `request`: as the application gets it. `client`: who sent it. `signature`: what verified, for evidence; None if the
    request has nothing to sign, or if signatures are optional here.
    """

    request: HttpRequest
    client: SigningClient | None
    signature: Any | None


class SignedMessages(Protocol):
    """One scheme at work for one server."""

    @property
    def budget(self) -> BodyBudget:
        """The budget of the body of a request. An answer has as many octets at most."""
        ...

    @property
    def once(self) -> bool:
        """Whether a signed request counts once, which the store of the server remembers."""
        ...

    def accept(self, request: HttpRequest, token: Token) -> Flow[SignedRequest]:
        """Verify a request whose token is valid. Raises RequestRefused; TransportError, StoreError."""
        ...

    def sign(self, answer: HttpResponse, accepted: SignedRequest) -> Flow[HttpResponse]:
        """The answer with its signature. Raises ConfigurationError for one that cannot be signed."""
        ...


class MessageSigning(Protocol):
    """The settings of a scheme, checked when they are made. `ResourceServer(message_signing=)` takes them."""

    def at(self, server: SigningServer) -> SignedMessages:
        """Raises ConfigurationError."""
        ...
