"""A recorded flow, written by hand: a login, a payment, and a proof that is used twice. Its keys are throw-away."""

from __future__ import annotations

import base64
import json
from typing import Any, Final
from urllib.parse import urlencode

from fapikit_viewer import Party, Recording

BANK: Final = "https://bank.example"
API: Final = "https://api.bank.example"
FINTECH: Final = "https://fintech.example"
BEGAN: Final = 1_795_745_640.0
ENTRIES: Final = 10
"""Nine messages, and the checks of the client. Those of the API are about a message, so they are no entry."""
PARTIES: Final = (
    Party("browser", "browser", "Alice's browser"),
    Party("fintech", "client", "Penny, a fintech", (FINTECH,)),
    Party("bank", "as", "Example Bank", (BANK,)),
    Party("payments", "rs", "Payments API", (API,)),
)
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_CHECKS: Final = (
    ("the callback names the issuer that was asked", "RFC 9207 2.4"),
    ("state is the one of this browser's login", "RFC 6749 10.12"),
    ("the ID token is signed with a key of the bank", "OIDC 3.1.3.7-6"),
    ("nonce is the one that was sent", "OIDC 3.1.3.7-11"),
    ("the tokens are bound to the key of this client", "RFC 9449 5"),
)


def _part(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def a_jwt(header: dict[str, Any], payload: dict[str, Any]) -> str:
    """A JWT whose signature is of no key: nothing here verifies it."""
    return f"{_part(header)}.{_part(payload)}.{'c2lnbmF0dXJl' * 7}aw"


def a_proof(method: str, url: str) -> str:
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJ",
    }
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key}
    return a_jwt(
        header,
        {
            "jti": "proof-1",
            "htm": method,
            "htu": url,
            "iat": int(BEGAN),
            "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59",
        },
    )


def a_message(number: int, **differs: Any) -> dict[str, Any]:
    """One message event; the keywords replace members of it, and `request` or `response` members of those."""
    request = {
        "method": "GET",
        "url": f"{API}/accounts",
        "headers": [],
        "body": "",
        **differs.pop("request", {}),
    }
    response = differs.pop("response", {})
    answer = (
        None
        if response is None
        else {"status": 200, "headers": [["content-type", _JSON]], "body": "{}", **response}
    )
    return {
        "kind": "message",
        "id": f"message-{number}",
        "at": BEGAN + number * 0.12,
        "channel": "back",
        "from": "fintech",
        "to": "payments",
        "ms": 4.0 + number,
        "request": request,
        "response": answer,
        **differs,
    }


def _form(members: dict[str, str]) -> dict[str, Any]:
    return {"headers": [["content-type", _FORM]], "body": urlencode(members)}


def _login() -> list[dict[str, Any]]:
    metadata = {
        "issuer": BANK,
        "authorization_endpoint": f"{BANK}/authorize",
        "token_endpoint": f"{BANK}/token",
        "pushed_authorization_request_endpoint": f"{BANK}/par",
        "jwks_uri": f"{BANK}/jwks",
    }
    assertion = a_jwt(
        {"alg": "ES256", "typ": "client-authentication+jwt", "kid": "penny-1"},
        {
            "iss": "penny",
            "sub": "penny",
            "aud": BANK,
            "jti": "a-1",
            "iat": int(BEGAN),
            "exp": int(BEGAN) + 60,
        },
    )
    signed_in = {
        "client_id": "penny",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    details = json.dumps(
        [
            {
                "type": "payment_initiation",
                "instructedAmount": {"amount": "49.90", "currency": "EUR"},
                "creditorName": "Corner Books",
            }
        ]
    )
    pushed = {
        **signed_in,
        "response_type": "code",
        "redirect_uri": f"{FINTECH}/callback",
        "scope": "openid payments",
        "state": "af0ifjsldkj",
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "authorization_details": details,
    }
    uri = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"
    back = urlencode({"code": "SplxlOBeZQQYbYS6WxSbIA", "state": "af0ifjsldkj", "iss": BANK})
    id_token = a_jwt(
        {"alg": "ES256", "kid": "bank-1"},
        {
            "iss": BANK,
            "sub": "alice",
            "aud": "penny",
            "nonce": "n-0S6_WzA2Mj",
            "exp": int(BEGAN) + 300,
            "iat": int(BEGAN),
        },
    )
    tokens = {
        "access_token": _access_token(),
        "token_type": "DPoP",
        "expires_in": 300,
        "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
        "id_token": id_token,
    }
    exchange = {
        **signed_in,
        "grant_type": "authorization_code",
        "code": "SplxlOBeZQQYbYS6WxSbIA",
        "redirect_uri": f"{FINTECH}/callback",
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    token_request = _form(exchange)
    token_request["headers"].append(["dpop", a_proof("POST", f"{BANK}/token")])
    front: dict[str, Any] = {"channel": "front", "from": "browser"}
    return [
        a_message(
            1,
            **front,
            to="fintech",
            request={"method": "POST", "url": f"{FINTECH}/pay"},
            response={"status": 303},
        ),
        a_message(
            2,
            to="bank",
            request={"url": f"{BANK}/.well-known/oauth-authorization-server"},
            response={"body": json.dumps(metadata)},
        ),
        a_message(
            3,
            to="bank",
            request={"method": "POST", "url": f"{BANK}/par", **_form(pushed)},
            response={"status": 201, "body": json.dumps({"request_uri": uri, "expires_in": 60})},
        ),
        a_message(
            4,
            **front,
            to="bank",
            request={"url": f"{BANK}/authorize?{urlencode({'client_id': 'penny', 'request_uri': uri})}"},
            response={"status": 200, "headers": [["content-type", "text/html"]], "body": "<h1>Sign in</h1>"},
        ),
        a_message(
            40,
            **front,
            to="bank",
            request={"method": "POST", "url": f"{BANK}/decision", **_form({"decision": "approve"})},
            response={"status": 303, "headers": [["location", f"{FINTECH}/callback?{back}"]], "body": ""},
        ),
        a_message(
            41, **front, to="fintech", request={"url": f"{FINTECH}/callback?{back}"}, response={"status": 303}
        ),
        a_message(
            42,
            to="bank",
            request={"method": "POST", "url": f"{BANK}/token", **token_request},
            response={"body": json.dumps(tokens)},
        ),
        {
            "kind": "checks",
            "id": "checks-1",
            "at": BEGAN + 43 * 0.12,
            "party": "fintech",
            "about": None,
            "outcome": "passed",
            "checks": [{"said": said, "clause": clause, "passed": True} for said, clause in _CHECKS],
            "error": None,
        },
    ]


def _access_token() -> str:
    return a_jwt(
        {"alg": "ES256", "typ": "at+jwt", "kid": "bank-1"},
        {
            "iss": BANK,
            "aud": API,
            "sub": "alice",
            "client_id": "penny",
            "scope": "payments",
            "exp": int(BEGAN) + 300,
            "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
        },
    )


def _payment(number: int, status: int, answer: dict[str, Any]) -> dict[str, Any]:
    url = f"{API}/payments"
    headers = [
        ["authorization", f"DPoP {_access_token()}"],
        ["dpop", a_proof("POST", url)],
        ["content-type", _JSON],
    ]
    body = json.dumps({"amount": "49.90", "currency": "EUR", "to": "Corner Books"})
    return a_message(
        number,
        request={"method": "POST", "url": url, "headers": headers, "body": body},
        response={"status": status, **answer},
    )


def refused_payment(number: int = 45) -> list[dict[str, Any]]:
    """The payment once more with the proof of the first: the API refuses, and says by which rule."""
    challenge = 'DPoP error="invalid_dpop_proof", algs="ES256 PS256"'
    refused = {"headers": [["www-authenticate", challenge]], "body": ""}
    return [
        _payment(number, 401, refused),
        {
            "kind": "checks",
            "id": f"checks-{number}",
            "at": BEGAN + number * 0.12 + 0.01,
            "party": "payments",
            "about": f"message-{number}",
            "outcome": "refused",
            "checks": [
                {"said": "the token is signed by the bank", "clause": "RFC 9068 4", "passed": True},
                {
                    "said": "the proof is signed with the token's key",
                    "clause": "RFC 9449 4.3-7",
                    "passed": True,
                },
                {"said": "the proof is used for the first time", "clause": "RFC 9449 11.1", "passed": False},
            ],
            "error": {
                "class": "ReplayedProof",
                "code": "invalid_dpop_proof",
                "clause": "RFC 9449 11.1",
                "said": "This proof was used before.",
                "remedy": "Make a new proof, with a new jti, for each request.",
            },
        },
    ]


def undecided_checks() -> dict[str, Any]:
    """An API that cannot tell whether a proof is used for the first time."""
    return {
        "kind": "checks",
        "id": "checks-undecided",
        "at": BEGAN + 62 * 0.12,
        "party": "payments",
        "about": None,
        "outcome": "undecided",
        "checks": [],
        "error": {
            "class": "StoreUnavailable",
            "code": None,
            "clause": "RFC 9449 11.1",
            "said": "The store does not answer.",
            "remedy": "Ask again later.",
        },
    }


def events() -> list[dict[str, Any]]:
    """The whole flow."""
    return [*_login(), _payment(44, 201, {"body": json.dumps({"status": "executed"})}), *refused_payment()]


def record(recording: Recording) -> Recording:
    """Write the parties and the whole flow into this recording."""
    for party in PARTIES:
        recording.add_party(party)
    for event in events():
        recording.append(event)
    return recording
