"""What the scanner may use beside `send`, and what it is told of the API; what is left out it does not look at.

Spec: FAPI2-SP 5.3.4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from rskit.testing.attacks.answer import Answer, Headers
from rskit.testing.mint import Mint

Send = Callable[[str, str, Headers], object]
"""Of method, URL and headers: sends one request to the application under test, and returns the answer.

The answer is the status, or the response of a test client, or an `Answer`; the more it says, the more is looked at.
A send that takes a fourth argument, the body, is also used for tokens in forms.
"""


@dataclass(frozen=True, slots=True)
class KeyServer:
    """A URL of yours from which this API could fetch keys, if it followed `jku`; `publish` puts a JWK Set there."""

    url: str
    publish: Callable[[Mapping[str, Any]], None] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """All of it is optional; `ScanReport.not_looked_at` names what would have helped.

    `workers`: further sends, each to another process or host of this API. `websocket`: the wss URL of a route that the
    same token opens; `send` then answers 101 for one that was accepted. `reached`: how often the endpoint has run.
    `subject`: whose data an answer shows. `advance`: moves the clock of mint and API, in seconds. `revoke`: has a
    token revoked. `executor`: sends several requests at one moment (the async scan needs none). `target`: a send whose
    second argument is the request target as it stands on the request line.

    `other_scope`: a scope of this API that does not open this route. `other_audience`: another API of the same issuer.
    `other_issuer`: the mint of a second issuer that this API trusts. `details`: what this request needs of
    `authorization_details`. `certificate`: in DER, the client certificate that `send` shows. `key_server`: where keys
    of an attacker can be fetched. `only_bound`: this API takes sender-constrained tokens only, as a
    `Mint.resource_server` under FAPI does anyway. `open_methods`: what
    a stranger may use at this URL. `seconds`: after so many no further attack is sent.
    """

    workers: Sequence[Send] = ()
    websocket: str | None = None
    reached: Callable[[], int] | None = None
    subject: Callable[[Answer], str] | None = None
    advance: Callable[[float], None] | None = None
    revoke: Callable[[str], None] | None = None
    executor: Executor | None = None
    target: Send | None = None
    other_scope: str | None = None
    other_audience: str | None = None
    other_issuer: Mint | None = None
    details: Mapping[str, Any] | None = None
    certificate: bytes | None = field(default=None, repr=False)
    key_server: KeyServer | None = None
    only_bound: bool = False
    open_methods: Collection[str] = ()
    seconds: float = 120.0
