"""The verification of a signed authorization response (JARM): issuer, audience, expiry and signature come first.

Spec: JARM 2.1, 2.3, 2.4-1, -2, -3, -4, -5, 2.4a, 3, 5.1; FAPI2-MS 5.4.2-2; FAPI1-ADV 5.2.3.2-1, 8.3.3
Role: C
Not checked here: state and error. `callback` checks them in the same way for signed and plain responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fapikit import strict_json
from fapikit.flow import Flow
from fapikit.jose.purposes import JARM_RESPONSE
from fapikit.members import LOG
from fapikit.parameters import Parameters
from fapikit.peer_words import words_of
from fapikit.secrets import Secret
from rpkit.bank import Bank
from rpkit.errors import AuthorizationResponseError
from rpkit.login.report import LoginReport
from rpkit.server_jwt import verify_server_jwt

_STRINGS = ("code", "state", "error", "error_description", "error_uri")
_FOR_PEOPLE: Final = frozenset({"error_description", "error_uri"})
"""They decide nothing."""


def verify_jarm(bank: Bank, response: Secret, report: LoginReport) -> Flow[Parameters]:
    """The parameters of a verified response, with `iss`.

    Raises the JwtError of the failed check; TransportError if the keys of the server cannot be fetched now.
    """
    algorithms = bank.algorithms(
        bank.settings.authorization_signed_response_alg, "authorization_signing_alg_values_supported"
    )
    purpose = JARM_RESPONSE
    if bank.profile.jarm_iss_twice:
        purpose = replace(JARM_RESPONSE, repeatable=frozenset({"iss"}))
    verified = yield from verify_server_jwt(
        bank, response, purpose, algorithms=algorithms, decryption=bank.decryption("authorization")
    )
    report.passed("signed response: iss", "JARM 2.4-1, -2")
    report.passed("signed response: aud, exp", "JARM 2.4-3, -4")
    report.passed("signed response: signature", "JARM 2.4-5", str(verified.header["alg"]))
    return _parameters_in(verified.claims, bank.issuer)


def _parameters_in(claims: Mapping[str, Any], issuer: str) -> Parameters:
    parameters: dict[str, str] = {"iss": issuer}
    for name in _STRINGS:
        value = claims.get(name)
        if value is None:
            continue
        if not isinstance(value, str) and name in _FOR_PEOPLE:
            LOG.warning("%s in the signed response is not a string, and is read as text [JARM 2.1a]", name)
            value = strict_json.dump_value(value).decode()
        if not isinstance(value, str):
            said = words_of({word: claims.get(word) for word in ("error", "error_description")})
            raise AuthorizationResponseError(
                f"{name} in the signed response is not a string" + (f"; its error is {said}" if said else ""),
                clause="JARM 2.1a",
                facts={"parameter": name},
            )
        if value:
            parameters[name] = value
    return Parameters(parameters.items())
