"""An `x-jws-signature` of UK Open Banking, made by hand: with `cryptography`, not with the code under test."""

from __future__ import annotations

import json
from typing import Any

from fapikit import PrivateKey
from tests.clocks import NOW
from tests.keys import a_key, b64, signature_of

OB = "http://openbanking.org.uk/"
IAT, ISS, TAN = f"{OB}iat", f"{OB}iss", f"{OB}tan"
FINTECH = "0015800001041RHAAY/software-7"
BANK = "0015800000jfQ9aAAE"
FINTECH_KEY, BANK_KEY = a_key("PS256", 1), a_key("PS256", 2)
BODY = b'{"Data": {"Initiation": {"InstructedAmount": {"Amount": "165.88", "Currency": "GBP"}}}}'


def header_members(**changes: Any) -> dict[str, Any]:
    """The members of a good header; a change to None removes one."""
    members: dict[str, Any] = {
        "alg": "PS256",
        "kid": FINTECH_KEY.kid,
        "typ": "JOSE",
        "cty": "application/json",
        IAT: int(NOW) - 1,
        ISS: FINTECH,
        TAN: "openbanking.org.uk",
        "crit": [IAT, ISS, TAN],
    }
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


UNENCODED: dict[str, Any] = {"b64": False, "crit": [IAT, ISS, TAN, "b64"]}


def signed_field(
    header: dict[str, Any] | bytes | None = None,
    body: bytes = BODY,
    key: PrivateKey = FINTECH_KEY,
    **as_if: Any,
) -> str:
    """The value of the field. `as_if`: `b64`, if the signature is to be of another form than the header says."""
    members = header_members() if header is None else header
    octets = members if isinstance(members, bytes) else json.dumps(members).encode()
    raw = as_if.get("b64", not isinstance(members, bytes) and members.get("b64", True)) is False
    head = b64(octets)
    payload = body if raw else b64(body).encode()
    return f"{head}..{b64(signature_of(key, 'PS256', head.encode() + b'.' + payload))}"
