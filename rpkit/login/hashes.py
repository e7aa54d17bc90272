"""The hashes in an ID token that tie it to what came with it: a code, a state, a token.

Spec: OIDC 3.3.2.11; FAPI1-ADV 5.1.1, 5.2.3.1-4; CIBA 10.3.1b
Role: C
"""

from __future__ import annotations

import hmac

from fapikit.errors import MissingClaim, WrongHash
from fapikit.jose.half_hash import half_hash
from fapikit.jose.purposes import ID_TOKEN
from fapikit.secrets import Secret
from rpkit.login.id_token import IdToken
from rpkit.login.report import LoginReport


def require_hash(
    id_token: IdToken, name: str, value: Secret, *, clause: str, report: LoginReport, of: str = "ID token"
) -> None:
    """Raises MissingClaim, WrongHash unless the claim `name` is the half hash of `value`. `of`: for the report."""
    found = id_token.claims.get(name)
    if found is None:
        raise ID_TOKEN.fail(
            MissingClaim, f"the ID token has no {name}, and it must", clause=clause, facts={"claim": name}
        )
    right = half_hash(value.reveal(), id_token.alg)
    if not isinstance(found, str) or not hmac.compare_digest(found.encode(), right.encode()):
        raise WrongHash(
            f"{name} is not the hash of the value that came with the ID token: one of them was altered",
            clause=clause,
            facts={"claim": name},
        )
    report.passed(f"{of}: {name}", clause)
