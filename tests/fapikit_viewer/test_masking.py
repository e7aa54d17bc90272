"""Every place where a secret travels: it is masked there before anything is written, and nowhere shown."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import urlencode

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fapikit_viewer.masking.message import MAX_BODY, MaskedMessage, recorded_request, recorded_response

SECRET = "s3cretS3cret-s3cret_S3cret"
FORM = "application/x-www-form-urlencoded"
KEY = ec.generate_private_key(ec.SECP256R1())


def signed(claims: dict[str, object], **headers: object) -> str:
    return pyjwt.encode(claims, KEY, "ES256", headers=dict(headers))


def written(*, throwaway: bool = False, shown: tuple[str, ...] = (), **message: object) -> str:
    """What of a message gets into a recording, as text."""
    masked = MaskedMessage(throwaway=throwaway, shown=shown)
    form = message.pop("form", None)
    sent = message.pop("json", None)
    headers = list(message.pop("headers", []))
    body = message.pop("body", b"")
    if form is not None:
        headers, body = [*headers, ("content-type", FORM)], urlencode(form).encode()
    if sent is not None:
        headers, body = [*headers, ("content-type", "application/json")], json.dumps(sent).encode()
    answer = dict(message.pop("answer", {}))
    request = recorded_request(
        masked,
        method="POST",
        url=str(message.pop("url", "https://bank.example/x")),
        headers=headers,
        body=body,  # type: ignore[arg-type]
    )
    assert not message
    answered = dict(answer.pop("headers", {}))
    if "json" in answer:
        answered["content-type"] = "application/json"
        answer["body"] = json.dumps(answer.pop("json")).encode()
    response = recorded_response(
        masked, status=200, headers=list(answered.items()), body=answer.get("body", b"")
    )
    return json.dumps([request, response])


PARAMETERS = (
    "client_secret", "code", "code_verifier", "state", "access_token", "refresh_token", "token", "password", "id_token",
    "client_assertion", "request", "response", "id_token_hint", "login_hint_token", "logout_token", "session_state",
    "software_statement", "device_code", "user_code", "verification_uri_complete", "auth_req_id",
    "client_notification_token", "subject_token", "actor_token", "assertion", "grant_id", "registration_access_token",
    "pin", "otp", "csrf", "form_seal", "a_name_that_nobody_knows",
)  # fmt: skip
MEMBERS = (
    *PARAMETERS[:-2], "sid", "d", "p", "q", "dp", "dq", "qi", "oth", "k", "mySecret", "session_id", "apiKey",
    "private_pem", "sessionToken", "urn:openid:params:jwt:claim:auth_req_id",
)  # fmt: skip


@pytest.mark.spec("FAPI1-BL 7.4")
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_secret_is_masked_in_form_query_fragment_and_redirect(name: str) -> None:
    pair = urlencode({name: SECRET})
    places = {
        "form": written(form={name: SECRET}),
        "query": written(url=f"https://bank.example/x?{pair}"),
        "fragment": written(url=f"https://bank.example/x#{pair}"),
        "redirect": written(answer={"headers": {"location": f"https://client.example/cb?{pair}"}}),
        "redirect fragment": written(answer={"headers": {"location": f"https://client.example/cb#{pair}"}}),
        "referer": written(headers=[("referer", f"https://client.example/cb?{pair}")]),
        "URL in a field": written(form={"redirect_uri": f"https://client.example/cb?{pair}"}),
    }
    assert [place for place, text in places.items() if SECRET in text] == []
    assert all("***" in text for text in places.values())
    assert SECRET in written(form={name: SECRET}, throwaway=True)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_secret_is_masked_in_json_and_in_the_claims_of_a_jwt(name: str) -> None:
    assert SECRET not in written(json={"deep": [{name: SECRET}]})
    assert SECRET not in written(answer={"json": {name: SECRET}})
    assert SECRET not in written(form={"claims": json.dumps({"userinfo": {name: SECRET}})})
    token = signed({name: SECRET, "aud": "bank"})
    text = written(form={"request": token})
    payload = text.split("request=")[1].split('"')[0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims == {name: "***", "aud": "bank"}


def test_a_pin_that_is_a_number_is_masked() -> None:
    assert "4711" not in written(json={"pin": 4711, "user_code": "4711", "otp": [4711]})


@pytest.mark.parametrize(
    "field",
    [
        ("Authorization", f"Bearer {SECRET}"),
        ("Authorization", f"DPoP {SECRET}"),
        ("Authorization", f"Basic {base64.b64encode(f'client:{SECRET}'.encode()).decode()}"),
        ("Authorization", SECRET),
        ("Proxy-Authorization", f"Basic {SECRET}"),
        ("Cookie", f"__Host-session={SECRET}; theme={SECRET}"),
        ("Set-Cookie", f"__Host-session={SECRET}; Secure; HttpOnly"),
        ("X-Proxy-Secret", SECRET),
        ("X-Api-Key", SECRET),
        ("Signature", f"sig1=:{base64.b64encode(SECRET.encode()).decode()}:"),
    ],
)
def test_a_secret_is_masked_in_a_header(field: tuple[str, str]) -> None:
    for text in (written(headers=[field]), written(answer={"headers": dict([field])})):
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode() not in text
        assert base64.b64encode(f"client:{SECRET}".encode()).decode() not in text
        assert "***" in text


@pytest.mark.parametrize(
    "name", ["access_token", "id_token", "client_assertion", "request", "response", "logout_token"]
)
def test_of_a_jwt_header_and_claims_stay_and_the_signature_does_not(name: str) -> None:
    token = signed({"aud": "bank", "sub": "alice"}, typ="x+jwt")
    header, payload, signature = token.split(".")
    for text in (written(form={name: token}), written(answer={"json": {name: token}})):
        assert signature not in text
        assert f"{header}.{payload}.***" in text


def test_jwts_in_headers_and_bodies_lose_their_signatures_too() -> None:
    token = signed({"aud": "bank"}, typ="dpop+jwt")
    first, _, signature = token.split(".")
    fields = [
        ("dpop", token),
        ("authorization", f"DPoP {token}"),
        ("x-jws-signature", f"{first}..{signature}"),
    ]
    body = {"headers": {"content-type": "application/token-introspection+jwt"}, "body": token.encode()}
    for text in (*(written(headers=[field]) for field in fields), written(answer=body)):
        assert signature not in text
        assert first in text


def test_of_an_encrypted_jwt_only_the_header_stays() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"RSA-OAEP","enc":"A256GCM"}').decode().rstrip("=")
    text = written(form={"id_token": f"{header}.key.iv.ciphertext.tag"})
    assert f"{header}.***" in text
    assert "ciphertext" not in text


def test_a_reference_to_a_pushed_request_shows_only_what_it_is() -> None:
    text = written(
        answer={"json": {"request_uri": f"urn:ietf:params:oauth:request_uri:{SECRET}", "expires_in": 60}}
    )
    assert SECRET not in text
    assert "urn:ietf:params:oauth:request_uri:***" in text


def test_an_answer_that_repeats_a_secret_is_masked_there_too() -> None:
    text = written(
        form={"code": SECRET},
        answer={"json": {"error": "invalid_grant", "error_description": f"the code {SECRET} is used"}},
    )
    assert SECRET not in text
    assert "the code *** is used" in text
    assert SECRET not in written(form={"code": SECRET}, answer={"headers": {"x-fapi-interaction-id": SECRET}})


def test_a_path_and_text_that_look_like_a_token_are_masked() -> None:
    assert SECRET not in written(url=f"https://bank.example/grant_management/{SECRET}")
    assert SECRET not in written(url=f"https://{SECRET}@bank.example/")
    iban = "DE89370400440532013000"
    assert iban in written(url=f"https://bank.example/accounts/{iban}")
    assert "DE89370400440532013001" not in written(url="https://bank.example/accounts/DE89370400440532013001")
    plain = {"headers": {"content-type": "text/plain"}, "body": f"the token {SECRET} is used".encode()}
    assert SECRET not in written(answer=plain)


@pytest.mark.parametrize(
    "kind", ["text/html", "image/png", "multipart/form-data", "", FORM + "x", "application/xml"]
)
def test_a_body_of_another_kind_is_not_recorded(kind: str) -> None:
    text = written(answer={"headers": {"content-type": kind}, "body": f'<input value="{SECRET}">'.encode()})
    assert SECRET not in text
    assert "octets: not recorded]" in text
    assert SECRET not in written(
        answer={"headers": {"content-type": kind}, "body": SECRET.encode()}, throwaway=True
    )


@pytest.mark.parametrize("body", [b"{broken " + SECRET.encode(), b'"\xff' + SECRET.encode(), b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_not_recorded(body: bytes) -> None:
    text = written(answer={"headers": {"content-type": "application/json"}, "body": body})
    assert SECRET not in text
    assert "recorded]" in text or "too long" in text


def test_a_long_body_is_not_recorded_and_told() -> None:
    text = written(form={"scope": "x" * MAX_BODY})
    assert "too long to record]" in text
    assert f"{MAX_BODY + 6} octets" in text
    assert "[a body, of unknown length: too long to record]" in written(body=None)


def test_what_is_no_secret_stays_readable() -> None:
    form = {
        "client_id": "fintech",
        "scope": "openid accounts",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    }
    text = written(form=form, headers=[("x-fapi-interaction-id", "93bac548-d2de-4546-b106-880a5018460d")])
    assert "***" not in text
    details = [{"type": "payment_initiation", "instructed_amount": {"currency": "EUR", "amount": "123.50"}}]
    assert "***" not in written(form={"authorization_details": json.dumps(details)})
    assert "***" not in written(
        answer={"json": {"accounts": [{"iban": "DE02120300000000202051", "balance": 12}]}}
    )
    assert "***" in written(form={"amount": "12"})
    assert "***" not in written(form={"amount": "12"}, shown=("amount",))


def test_a_form_with_too_many_fields_is_not_recorded() -> None:
    text = written(form={f"n{number}": SECRET[:3] for number in range(1500)})
    assert "octets: not recorded]" in text
    assert SECRET[:3] not in text


HIDDEN = "hunter2-hunter2"
"""A secret that does not look like one."""


@pytest.mark.parametrize(
    "name",
    [
        "userCode", "deviceCode", "codeVerifier", "authCode", "authReqId", "authreqid", "Client_Assertion", "userPin",
        "pwd", "Code", "CODE", "State", "Password", "passwordHash", "PIN", "Pin", "newPin2", "PINCode", "smspin",
        "OTP", "otp_value", "oneTimeCode", "verification-code", "activationCode", "codes", "TAN", "pushTan", "mTANs",
        "salt", "Salt", "pin_salt", "pepper", "seed", "CVV", "cvc2", "scaAuthenticationData", "securityAnswer",
        "key", "signingKey", "ENCRYPTION_KEY", "apikey", "accesstoken", "sessionToken", "Token.Value", "senha",
        "Kennwort", "暗証番号", "Bearer", "auth", "DP", "mnemonic", "hmac", "geheimnis", "motDePasse", "contraseña",
        "jwt", "mfa", "cookieValue", "privatePem", "assertion2", "credential", "csrfField", "pinBlock", "passkey",
    ],
)  # fmt: skip
def test_a_member_is_a_secret_however_its_name_is_written(name: str) -> None:
    assert HIDDEN not in written(json={name: HIDDEN})
    assert HIDDEN not in written(json={name: {"value": HIDDEN, "of": [HIDDEN]}})
    assert HIDDEN not in written(json={"message": f"the field {name}={HIDDEN} is wrong"})
    assert "4711" not in written(json={name: 4711})


def test_the_code_of_an_error_stays_readable_where_it_is_a_constant() -> None:
    for name in ("code", "Code"):
        assert "CONSENT_EXPIRED" in written(
            json={"tppMessages": [{"category": "ERROR", name: "CONSENT_EXPIRED"}]}
        )
        for secret in ("WDJB-MJHT", "ABCDEF", "A_B", "CONSENT_4711", "consent_expired"):
            assert secret not in written(json={name: secret})
    assert "CONSENT_EXPIRED" not in written(form={"code": "CONSENT_EXPIRED"})
    assert "CONSENT_EXPIRED" not in written(json={"pin": "CONSENT_EXPIRED"})


@pytest.mark.parametrize(
    "pair",
    [
        {"name": "password", "value": HIDDEN}, {"key": "otp", "value": HIDDEN}, {"Type": "PIN", "Value": HIDDEN},
        {"id": "salt", "value": {"of": [HIDDEN]}},
    ],
)  # fmt: skip
def test_a_secret_is_masked_that_a_neighbour_names(pair: dict[str, object]) -> None:
    told = written(json={"fields": [pair]})
    assert HIDDEN not in told
    assert str(next(iter(pair.values()))) in told


@pytest.mark.parametrize(
    "name",
    [
        "ErrorCode", "error_code", "errorcode", "statusCode", "reason_code", "currencyCode", "country_code",
        "postalCode", "bankCode", "sort_code", "bankTransactionCode", "public_key", "idempotencyKey", "tokenType",
        "TokenType", "Scope", "expiresIn", "token_expires_at", "sessionExpiry", "session_timeout", "otpFormat",
        "passwordPolicy", "clientId", "tokenEndpoint", "Message", "Status", "amount", "creditorName", "Nonce", "K",
    ],
)  # fmt: skip
def test_what_one_needs_to_understand_a_flow_stays_readable(name: str) -> None:
    assert HIDDEN in written(json={name: HIDDEN})
    assert HIDDEN in written(json={"name": name, "value": HIDDEN})
    assert HIDDEN in written(json={"key": name, "value": HIDDEN})


def test_the_parameter_that_asks_for_claims_stays_readable() -> None:
    assert "urn:pin" in written(json={"claims": {"id_token": {"acr": {"values": ["urn:pin"]}}}})


@pytest.mark.parametrize(
    "query",
    [
        HIDDEN, SECRET, f"code%3D{HIDDEN}", f"redirect_uri=app%3A%2F%2Fback%3Fcode={HIDDEN}",
        f"redirect_uri=HTTPS://a.example/%3Fcode={HIDDEN}", f"redirect_uri=%2Fback%3Fcode%3D{HIDDEN}",
        f"claims=+%7B%22password%22:%22{HIDDEN}%22%7D", f"error_description=bad+token+{SECRET}",
    ],
)  # fmt: skip
def test_a_secret_is_masked_where_a_form_hides_it(query: str) -> None:
    told = written(
        url=f"https://bank.example/x?{query}", headers=[("content-type", FORM)], body=query.encode()
    )
    assert HIDDEN not in told
    assert SECRET not in told


@pytest.mark.parametrize("path", [f"a;token={HIDDEN}", f"a;jsessionid={SECRET}", f"a;password={HIDDEN}/b"])
def test_a_secret_is_masked_in_the_parameters_of_a_path(path: str) -> None:
    told = written(url=f"https://bank.example/{path}")
    assert HIDDEN not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"access_token": HIDDEN}), f"access_token={HIDDEN}&token_type=DPoP", f"password: {HIDDEN}",
        f"the token is '{SECRET}'.", f"see https://bank.example/?code={HIDDEN} again",
        f"failed: access_token={HIDDEN} old",
    ],
)  # fmt: skip
def test_a_secret_is_masked_in_text_and_in_what_is_wrongly_called_text(text: str) -> None:
    for told in (
        written(headers=[("content-type", "text/plain")], body=text.encode()),
        written(headers=[("content-type", "text/plain; charset=utf-16")], body=text.encode("utf-16")),
        written(json={"message": text}),
        written(json={"error_description": text}),
    ):
        assert HIDDEN not in told
        assert HIDDEN not in told.replace("\\u0000", "")
        assert SECRET not in told


def test_prose_and_addresses_in_text_stay_readable() -> None:
    text = "invalid token: expired at 2026-11-27T03:44:00Z, see https://bank.example/docs/errors-2026/expired-tokens"
    assert text in written(json={"message": text})


def test_credentials_of_no_known_scheme_are_masked_whole() -> None:
    assert HIDDEN not in written(
        headers=[("authorization", f"{HIDDEN} {SECRET}"), ("origin", f"https://u:{HIDDEN}@b")]
    )


@pytest.mark.parametrize(
    "text", ["a" * 60_000, "a-" * 30_000, "a: " * 20_000, " =" * 30_000, "/?" * 30_000 + " "]
)
def test_no_text_makes_masking_slow(text: str) -> None:
    before = time.process_time()
    written(headers=[("content-type", "text/plain")], body=text.encode())
    assert time.process_time() - before < 2
