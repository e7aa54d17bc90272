"""A token request whose client has proven who it is: what each grant is redeemed with.

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
    """An authenticated request; `proof` is None where the profile needs none. `bound_to`: what its tokens are bound to.

    A grant uses the proof up once it knows that the request brings something of worth: a public client proves nothing.
    """

    client: Client
    parameters: Parameters
    proof: CheckedProof | None
    bound_to: Confirmation
