"""The attacks, one file for each step of a login, in the order in which they are played.

Spec: FAPI2-SP 5.3.2
Role: AS
"""

from typing import Final

from askit.attacks.attack import Attack
from askit.attacks.families import (
    answers,
    client_assertions,
    codes,
    front_channel,
    proofs,
    pushed_requests,
    refresh_tokens,
    request_objects,
)

ATTACKS: Final[tuple[Attack, ...]] = (
    *client_assertions.ATTACKS,
    *pushed_requests.ATTACKS,
    *request_objects.ATTACKS,
    *front_channel.ATTACKS,
    *codes.ATTACKS,
    *proofs.ATTACKS,
    *refresh_tokens.ATTACKS,
    *answers.ATTACKS,
)
