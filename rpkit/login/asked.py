"""What a user was asked for. The tokens and the ID token that come of it are compared with this.

Spec: OIDC 3.1.2.1; RFC 8707 2; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fapikit.secrets import Secret
from rpkit.tokens.dpop_key import DPoPKey


class Asked(Protocol):
    """The part of a request that its answer is compared with. `Transaction` has it, and so has a decoupled request.

    `nonce` None: the request had none, so the ID token must have none. `max_age` None: no `auth_time` is demanded.
    """

    @property
    def scope(self) -> str: ...

    @property
    def resources(self) -> tuple[str, ...]: ...

    @property
    def authorization_details(self) -> tuple[Mapping[str, Any], ...]: ...

    @property
    def acr_values(self) -> tuple[str, ...]: ...

    @property
    def max_age(self) -> int | None: ...

    @property
    def claims(self) -> Mapping[str, Any] | None: ...

    @property
    def nonce(self) -> Secret | None: ...

    @property
    def dpop(self) -> DPoPKey | None: ...
