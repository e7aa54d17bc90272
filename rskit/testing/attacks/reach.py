"""What the scanner may use besides `send`, and what it must know of the API. Attacks without their part are not sent.

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
"""Takes method, URL and headers. Sends one request to the application under test, and returns the answer.

The answer is the status, or the response of a test client, or an `Answer`. The more it contains, the more is tested.
A `send` with a fourth parameter, the body, is also used for tokens in forms.
"""


@dataclass(frozen=True, slots=True)
class KeyServer:
    """A URL of yours from which this API could fetch keys if it followed `jku`. `publish` puts a JWK Set there."""

    url: str
    publish: Callable[[Mapping[str, Any]], None] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Everything is optional. `ScanReport.not_looked_at` names what would have helped.

    `workers`: further sends, each to another process or host of this API. `websocket`: the wss URL of a route that
    accepts the same token; `send` then answers 101 for an accepted handshake. `reached`: returns how often the endpoint
    has run. `subject`: returns whose data an answer contains. `advance`: moves the clock of mint and API, in seconds.
    `revoke`: revokes a token. `executor`: sends several requests at the same time (the async scan needs none).
    `target`: a send whose second parameter is the request target, exactly as on the request line.

    `other_scope`: a scope of this API that does not open this route. `other_audience`: another API of the same issuer.
    `other_issuer`: the mint of a second issuer that this API trusts. `details`: the `authorization_details` that this
    request needs. `certificate`: the client certificate that `send` presents, in DER. `key_server`: where the keys of
    an attacker can be fetched. `only_bound`: this API accepts only sender-constrained tokens; a `Mint.resource_server`
    under FAPI does so anyway. `open_methods`: the methods that need no token at this URL. `seconds`: the time after
    which no further attack is sent.
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
