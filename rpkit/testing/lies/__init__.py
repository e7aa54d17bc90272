"""The lies, one file for each message of the bank, and what is unusual but true.

Spec: FAPI2-SP 5.3.3
Role: C
"""

from typing import Final

from rpkit.testing.lie import Lie
from rpkit.testing.lies import (
    authorization_responses,
    id_token_claims,
    id_token_signatures,
    metadata,
    signed_responses,
    token_responses,
    unusual,
    userinfo,
)

LIES: Final[tuple[Lie, ...]] = (
    *metadata.LIES,
    *authorization_responses.LIES,
    *signed_responses.LIES,
    *token_responses.LIES,
    *id_token_claims.LIES,
    *id_token_signatures.LIES,
    *userinfo.LIES,
    *unusual.TRUTHS,
)
