"""`HttpSignatures`: whose signatures an API checks, with which key it signs its answers, and within which budgets.

Spec: FAPI2-HS 1.2-1, 1.2-3, 1.2-6, 2.1-1
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from fapikit.errors import ConfigurationError
from fapikit.jose.key_set import KeySet
from fapikit.jose.signer import Signer
from fapikit.urls import require_secure
from rskit.policy.body_budget import BodyBudget
from rskit.tokens.token import Token

Keys: TypeAlias = KeySet | str
"""The keys of one client: a fixed set, or the URL of its JWK Set."""
ClientKeys: TypeAlias = Mapping[str, Keys] | Callable[[Token], Any]
"""By `client_id`; or a function, perhaps a coroutine function, that returns the `Keys` for a token or None."""

LONGEST_AGE: Final = 600.0
MAX_ANSWER: Final = 1024 * 1024
_MOST_OCTETS: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSignatures:
    """HTTP message signatures of one API. It needs the extra `signatures`.

    `client_keys`: the keys of each client, by `client_id` if there is one issuer; else a function of the token. Then a
    signature that a request has must be valid. `required`: a request with a token must have one; False leaves that to
    routes with `Access(signed=True)`. `max_age`: seconds since `created` in which a signature counts. `fields`: names
    of request fields that must be covered if they are sent, besides those that FAPI names. `body`: the budget for the
    body of a request, which is kept until its digest is compared.

    `key`: signs each answer, refusals too. `answer_fields`: names of response fields that are then covered besides
    Content-Type. `max_answer`: octets; an answer is kept until it is complete. `streams`: what becomes of an answer
    that is larger or a stream: "refuse" replaces it by status 500, "unsigned" lets it pass without a signature.
    """

    client_keys: ClientKeys | None = field(default=None, repr=False)
    required: bool = True
    max_age: float = 60.0
    fields: Collection[str] = ()
    body: BodyBudget = field(default_factory=BodyBudget)
    key: Signer | None = None
    answer_fields: Collection[str] = ()
    max_answer: int = MAX_ANSWER
    streams: Literal["refuse", "unsigned"] = "refuse"

    def __post_init__(self) -> None:
        """Raises ConfigurationError, InsecureUrl."""
        if self.client_keys is None and self.key is None:
            raise ConfigurationError(
                "HttpSignatures has nothing to do: set client_keys= to check requests, key= to sign answers, or both",
                clause="FAPI2-HS 1.2-1",
            )
        if not isinstance(self.key, Signer | None):
            raise ConfigurationError("HttpSignatures(key=) must be a PrivateKey or another Signer")
        if isinstance(self.client_keys, Mapping):
            for client_id, keys in self.client_keys.items():
                require_keys(keys, client_id)
        elif self.client_keys is not None and not callable(self.client_keys):
            raise ConfigurationError(
                "HttpSignatures(client_keys=) must be a dict by client_id, or a function of the token"
            )
        if not 1 <= self.max_age <= LONGEST_AGE:
            raise ConfigurationError(
                f"HttpSignatures(max_age={self.max_age}): it must be 1 to {LONGEST_AGE:g} seconds",
                clause="FAPI2-HS 1.2-6",
            )
        if not (type(self.max_answer) is int and 0 < self.max_answer <= _MOST_OCTETS):
            raise ConfigurationError(
                f"HttpSignatures(max_answer={self.max_answer!r}): it must be 1 to {_MOST_OCTETS} octets"
            )
        if self.streams not in ("refuse", "unsigned"):
            raise ConfigurationError('HttpSignatures(streams=) must be "refuse" or "unsigned"')


def require_keys(keys: object, client_id: str) -> Keys:
    """Raises ConfigurationError, InsecureUrl."""
    if isinstance(keys, KeySet):
        return keys
    if isinstance(keys, str):
        return require_secure(keys, f"client_keys[{client_id!r}]")
    raise ConfigurationError(
        f"HttpSignatures(client_keys=): the keys of {client_id} must be a KeySet or the URL of a JWK Set",
        clause="FAPI2-HS 1.2-1",
    )
