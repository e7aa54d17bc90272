"""A token request of an authenticated client: the input of each grant.

Spec: RFC 6749 4.1.3, 4.4, 6
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass

from askit.clients.client import Client
from askit.issuing.confirmation import Confirmation
from fapikit.dpop import CheckedProof
from fapikit.parameters import Parameters


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """An authenticated request. `proof` is None if the profile needs none. `bound_to`: what its tokens are bound to.

    A grant marks the proof as used only after it has found a valid code or token: a public client has proven nothing.
    """

    client: Client
    parameters: Parameters
    proof: CheckedProof | None
    bound_to: Confirmation
