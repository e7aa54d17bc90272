"""`HttpSignatures`: whose signatures an API checks, with which key it signs its answers, and within which budget.

Spec: FAPI2-HS 1.2-1, 1.2-3, 1.2-6, 2.1-1
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal

from fapikit.errors import ConfigurationError
from fapikit.jose.signer import Signer
from fapikit.setting_types import check_text_settings
from rskit.policy.body_budget import BodyBudget
from rskit.signed_messages.clients import SigningClients, check_clients
from rskit.signed_messages.message_signing import DEFAULT_BUDGET

LONGEST_AGE: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSignatures:
    """HTTP message signatures (RFC 9421) of one API. They need the extra `signatures`.

    `clients`: who signs, by client_id, or a function of the token. Then a signature that a request has must be valid.
    None: no signature is checked. `required`: a request with a token must have one; False leaves that to routes with
    `Access(signed=True)`. `max_age`: seconds since `created` in which a signature counts. `fields`: names of request
    fields that must be covered where they are sent, besides those that FAPI names. `body`: how much of a request is
    kept to be verified, and how many octets of an answer are kept to be signed.

    `signer`: signs each answer, refusals too. None: no answer is signed. `answer_fields`: names of response fields that
    are then covered besides Content-Type. `streams`: what becomes of an answer that is larger, or a stream: "refuse"
    replaces it by status 500, "unsigned" lets it pass without a signature.
    """

    clients: SigningClients | None = field(default=None, repr=False)
    required: bool = True
    max_age: float = 60.0
    fields: Collection[str] = ()
    body: BodyBudget = DEFAULT_BUDGET
    signer: Signer | None = field(default=None, repr=False)
    answer_fields: Collection[str] = ()
    streams: Literal["refuse", "unsigned"] = "refuse"

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)
        if self.clients is None and self.signer is None:
            raise ConfigurationError(
                "HttpSignatures has nothing to do: set clients= to check requests, signer= to sign answers, or both",
                clause="FAPI2-HS 1.2-1",
            )
        if not isinstance(self.signer, Signer | None):
            raise ConfigurationError("HttpSignatures(signer=) must be a PrivateKey or another Signer")
        if self.clients is not None:
            check_clients(self.clients, named=False)
        if not 1 <= self.max_age <= LONGEST_AGE:
            raise ConfigurationError(
                f"HttpSignatures(max_age={self.max_age}): it must be 1 to {LONGEST_AGE:g} seconds",
                clause="FAPI2-HS 1.2-6",
            )
        if self.streams not in ("refuse", "unsigned"):
            raise ConfigurationError('HttpSignatures(streams=) must be "refuse" or "unsigned"')
