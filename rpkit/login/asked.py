"""What a user was asked for. The tokens and the ID token that come of it are compared with this.

Spec: OIDC 3.1.2.1; RFC 8707 2; RFC 9396 2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fapikit.errors import ConfigurationError
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

    @property
    def grant_management_action(self) -> str | None: ...

    @property
    def grant_id(self) -> str | None: ...


def resource_asked_for(asked: Asked, resource: str | None) -> str | None:
    """The resource that the first access token is for. It may be left out if one was requested, or none.

    Raises ConfigurationError.
    """
    if resource is None and len(asked.resources) > 1:
        # Raised before anything is redeemed: without a resource some servers would issue one token for all of them.
        raise ConfigurationError(
            "several resources were requested: set resource= to the one that the first token is for",
            clause="RFC 8707 2.2",
            facts={"asked": " ".join(asked.resources)},
        )
    if resource is not None and asked.resources and resource not in asked.resources:
        raise ConfigurationError(
            f"the resource {resource} was not requested: use one of those that the request got as resources",
            clause="RFC 8707 2.2",
            facts={"resource": resource, "asked": " ".join(asked.resources)},
        )
    if resource is None and asked.resources:
        return asked.resources[0]
    return resource
