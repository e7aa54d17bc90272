"""A token request whose client has proven who it is: what each grant is redeemed with.

Spec: RFC 6749 4.1.3, 4.4, 6
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass

from askit.clients.client import Client
from fapikit.parameters import Parameters


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """An authenticated request; `jkt` is the key of its proof, None where the profile needs none."""

    client: Client
    parameters: Parameters
    jkt: str | None
