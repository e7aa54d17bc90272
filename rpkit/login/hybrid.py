"""The hybrid flow: the authorization response has an ID token, which is its detached signature.

It is verified like any ID token. Then its hashes are verified: `c_hash` of the code, `s_hash` of the state. So an
altered code or state is found before the code is used. The second ID token, from the token endpoint, must be of the
same user and the same sign-in.

Spec: FAPI1-ADV 5.1, 5.1.1, 5.2.3.1-3, 5.2.3.1-4; OIDC 3.3.2.11, 3.3.2.12, 3.3.3.6
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.flow import Flow
from fapikit.secrets import Secret
from rpkit.bank import Bank
from rpkit.errors import BrokenContinuity, MissingIdToken
from rpkit.login.hashes import require_hash
from rpkit.login.id_token import IdToken, comparable, verify_front_channel_id_token
from rpkit.login.report import LoginReport
from rpkit.login.transaction import Transaction

_OF_ONE_SIGN_IN: Final = ("iss", "sub", "aud", "azp", "nonce", "auth_time", "acr", "amr", "sid")


def verify_detached_signature(
    bank: Bank, token: Secret | None, transaction: Transaction, *, code: Secret, report: LoginReport
) -> Flow[IdToken]:
    """Raises MissingIdToken, WrongHash, the JwtError of the failed check; TransportError without the keys."""
    if token is None:
        raise MissingIdToken(
            f"response_type {transaction.response_type} was requested, and the response has no id_token",
            clause="FAPI1-ADV 5.2.3.1-3",
        )
    id_token = yield from verify_front_channel_id_token(bank, token, transaction, report=report)
    of = "signed response"
    require_hash(id_token, "c_hash", code, clause="OIDC 3.3.2.11", report=report, of=of)
    require_hash(id_token, "s_hash", transaction.state, clause="FAPI1-ADV 5.2.3.1-4", report=report, of=of)
    return id_token


def require_same_sign_in(first: IdToken, second: IdToken, report: LoginReport) -> None:
    """Raises BrokenContinuity if the two ID tokens of one login differ."""
    one, other = comparable(first.claims, _OF_ONE_SIGN_IN), comparable(second.claims, _OF_ONE_SIGN_IN)
    for name in _OF_ONE_SIGN_IN:
        in_both = name in ("iss", "sub") or (name in one and name in other)
        if in_both and one[name] != other[name]:
            raise BrokenContinuity(
                f"the ID token of the token endpoint has another {name} than the one of the authorization endpoint",
                clause="OIDC 3.3.3.6",
                facts={"claim": name},
            )
    report.passed("both ID tokens are of one sign-in", "OIDC 3.3.3.6")
