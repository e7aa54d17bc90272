"""Intents at a bank that answers in its own way, or wrongly; and ID tokens about another intent."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fapikit.errors import (
    ConfigurationError,
    InsecureUrl,
    JwtError,
    MalformedMessage,
    PeerRefused,
    UnexpectedRedirect,
    UnexpectedStatus,
)
from rpkit import (
    BerlinGroupConsent,
    BerlinGroupPayment,
    BrazilConsent,
    DetachedJws,
    JwtBodies,
    LodgedIntent,
    UkAccount,
    UkAccountAccess,
    UkDomesticPayment,
)
from rpkit.errors import NoAccessToken, ServerBusy, WrongRequestedClaim
from tests.detached import BANK, BANK_KEY, IAT, ISS, header_members, signed_field
from tests.keys import a_key, claims_of, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in

URL = "https://bank.example/uk/account-access-consents"
CLAIM = "openbanking_intent_id"
ACCESS = UkAccountAccess(permissions=["ReadBalances"], expires_at=dt.datetime(2027, 3, 1, tzinfo=dt.UTC))
LODGED: dict[str, Any] = {
    "Data": {"ConsentId": "urn-alphabank-intent-88379", "Status": "AwaitingAuthorisation"},
    "Risk": {},
}
TRANSFER: dict[str, Any] = {
    "amount": "12.00",
    "creditor_name": "Merchant A",
    "creditor_iban": "DE02100100109307118603",
}


@pytest.fixture
def bank() -> FakeBank:
    bank = FakeBank()
    bank.faults["api_account-access-consents"] = lambda _call: (201, {}, LODGED)
    return bank


def lodged(clients: Clients, bank: FakeBank, intent: Any = ACCESS, **more: Any) -> Any:
    client = clients.of(bank, signed_requests=True)
    tokens = more.pop("tokens", None) or client.client_credentials(scope="accounts")
    return client.lodge(intent, **{"url": URL, "tokens": tokens, **more})


@pytest.mark.spec("LODGING 1")
def test_an_intent_is_lodged_as_json_with_a_token_of_the_client(clients: Clients, bank: FakeBank) -> None:
    intent = lodged(clients, bank)
    assert (intent.intent_id, intent.status, intent.state) == (
        "urn-alphabank-intent-88379",
        "AwaitingAuthorisation",
        "awaiting",
    )
    assert intent.url == f"{URL}/urn-alphabank-intent-88379"
    assert intent.members == LODGED
    assert "alphabank" not in repr(intent.members) or "members" not in repr(intent)
    call = bank.calls("account-access-consents")[-1]
    assert (call.method, call.headers["content-type"]) == ("POST", "application/json")
    assert call.headers["authorization"].startswith("DPoP ")
    assert json.loads(call.body) == {
        "Data": {"Permissions": ["ReadBalances"], "ExpirationDateTime": "2027-03-01T00:00:00Z"},
        "Risk": {},
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((201, {}, {}), MalformedMessage),
        ((201, {}, {"Data": []}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": 7}}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": ""}}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": "a b"}}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": ".."}}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": 'a"b'}}), MalformedMessage),
        ((201, {}, {"Data": {"ConsentId": "x" * 257}}), MalformedMessage),
        ((201, {}, b"[]"), MalformedMessage),
        ((201, {}, {"error": "access_denied"}), PeerRefused),
        ((400, {}, {"error": "invalid_request", "error_description": "Data.Permissions"}), PeerRefused),
        ((400, {}, {"Code": "400 BadRequest", "Errors": []}), UnexpectedStatus),
        ((401, {"www-authenticate": 'DPoP error="invalid_token"'}, {}), PeerRefused),
        ((303, {"location": "https://elsewhere.example/"}, {}), UnexpectedRedirect),
        ((503, {"retry-after": "7"}, {}), ServerBusy),
    ],
)
def test_an_answer_without_an_id_is_no_intent(
    clients: Clients, bank: FakeBank, answer: Any, error: type[Exception]
) -> None:
    bank.faults["api_account-access-consents"] = lambda _call: answer
    with pytest.raises(error):
        lodged(clients, bank)


def test_an_id_stays_one_part_of_the_url(clients: Clients, bank: FakeBank) -> None:
    answer = {"Data": {"ConsentId": "a/../b?c#d", "Status": "AWAU"}}
    bank.faults["api_account-access-consents"] = lambda _call: (201, {}, answer)
    assert lodged(clients, bank).url == f"{URL}/a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    ("status", "state"),
    [("AUTH", "authorised"), ("CANC", "revoked"), ("NEW", None), (None, None), (["AUTH"], None)],
)
def test_a_status_that_is_unknown_is_kept_as_it_is(
    clients: Clients, bank: FakeBank, status: Any, state: str | None
) -> None:
    intent = lodged(clients, bank)
    changed = {"Data": {**LODGED["Data"], "Status": status}}
    bank.faults[f"api_{intent.intent_id}"] = lambda _call: (200, {}, changed)
    client = clients.of(bank)
    found = client.read_intent(intent, tokens=client.client_credentials(scope="accounts"))
    assert found.state == state
    assert found.status == (status if isinstance(status, str) else None)


def test_an_answer_about_another_intent_is_refused(clients: Clients, bank: FakeBank) -> None:
    intent = lodged(clients, bank)
    other = {"Data": {**LODGED["Data"], "ConsentId": "another"}}
    bank.faults[f"api_{intent.intent_id}"] = lambda _call: (200, {}, other)
    client = clients.of(bank)
    with pytest.raises(MalformedMessage, match="is that of another intent"):
        client.read_intent(intent, tokens=client.client_credentials(scope="accounts"))


@pytest.mark.spec("LODGING 5")
def test_an_intent_is_ended_and_a_payment_is_not(clients: Clients, bank: FakeBank) -> None:
    intent = lodged(clients, bank)
    bank.faults[f"api_{intent.intent_id}"] = lambda call: (
        204 if call.method == "DELETE" else 200,
        {},
        LODGED,
    )
    client = clients.of(bank)
    tokens = client.client_credentials(scope="accounts")
    client.end_intent(intent, tokens=tokens)
    assert bank.calls(intent.intent_id)[-1].method == "DELETE"
    bank.faults[f"api_{intent.intent_id}"] = lambda _call: (403, {}, {"error": "insufficient_scope"})
    with pytest.raises(PeerRefused):
        client.end_intent(intent, tokens=tokens)
    account = UkAccount(scheme="UK.OBIE.IBAN", identification="GB00")
    payment = UkDomesticPayment(
        amount="1.00", creditor_account=account, instruction_id="a", end_to_end_id="b"
    )
    lodged_payment = lodged(clients, bank, payment)
    calls = len(bank.seen)
    with pytest.raises(ConfigurationError, match="cannot be ended by its client"):
        client.end_intent(lodged_payment, tokens=tokens)
    assert len(bank.seen) == calls


def test_nothing_is_sent_without_a_fitting_token(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    tokens = client.client_credentials(scope="accounts")
    calls = len(bank.seen)
    with pytest.raises(InsecureUrl, match="url must be https"):
        lodged(clients, bank, url="http://bank.example/consents", tokens=tokens)
    with pytest.raises(NoAccessToken):
        lodged(clients, bank, resource="https://another.example/", tokens=tokens)
    elsewhere = client.client_credentials(scope="accounts", resource="https://another.example/")
    with pytest.raises(ConfigurationError, match="correct url, or set resource="):
        lodged(clients, bank, tokens=elsewhere)
    assert [call.path for call in bank.seen[calls:] if "consents" in call.path] == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: BerlinGroupPayment(**{**TRANSFER, "amount": "-1.00"}), "amount is '-1.00': give a positive"),
        (lambda: BerlinGroupPayment(**{**TRANSFER, "amount": Decimal(0)}), "amount is Decimal"),
        (
            lambda: BerlinGroupPayment(**{**TRANSFER, "amount": 12.0}),
            "amount is 12.0: give a positive Decimal",
        ),
        (lambda: BerlinGroupPayment(**{**TRANSFER, "amount": "NaN"}), "amount is 'NaN'"),
        (lambda: BerlinGroupPayment(**{**TRANSFER, "amount": "1e999999"}), "amount is '1e999999'"),
        (lambda: BerlinGroupPayment(**{**TRANSFER, "amount": "twelve"}), "amount is 'twelve'"),
        (
            lambda: BerlinGroupPayment(**{**TRANSFER, "currency": "eur"}),
            "currency is 'eur': give three capital",
        ),
        (lambda: UkAccountAccess(permissions=[]), r"permissions is \[\]: give a list"),
        (lambda: UkAccountAccess(permissions="ReadPAN"), "permissions is 'ReadPAN': give a list"),
        (
            lambda: UkAccountAccess(permissions=["ReadPAN"], expires_at=dt.datetime(2027, 3, 1)),  # noqa: DTZ001
            "expires_at is datetime.datetime.*: give a datetime with a zone",
        ),
        (
            lambda: BrazilConsent(permissions=["ACCOUNTS_READ"], cpf="1", expires_at="2027"),  # type: ignore[arg-type]
            "expires_at is '2027': give a datetime with a zone",
        ),
        (
            lambda: BerlinGroupConsent(access={}, valid_until=dt.datetime(2027, 3, 1, tzinfo=dt.UTC)),
            "valid_until is .*: give a date",
        ),
        (
            lambda: {"Data": {"Permissions": ["ReadPAN"]}},
            "what is lodged is an object such as UkAccountAccess",
        ),
        (lambda: None, "what is lodged is an object such as UkAccountAccess"),
    ],
)
def test_what_no_bank_could_take_is_not_sent(clients: Clients, bank: FakeBank, make: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        lodged(clients, bank, make())
    assert bank.calls("account-access-consents") == []


def test_a_document_of_the_user_is_in_no_repr() -> None:
    consent = BrazilConsent(
        permissions=["ACCOUNTS_READ"],
        cpf="76109277673",
        cnpj="50685362006773",
        expires_at=dt.datetime(2027, 3, 1, tzinfo=dt.UTC),
    )
    assert "76109277673" not in repr(consent)
    assert "50685362006773" not in repr(consent)
    assert consent.body()["data"]["businessEntity"] == {
        "document": {"identification": "50685362006773", "rel": "CNPJ"}
    }


# --- the login ------------------------------------------------------------------------------------


@pytest.mark.spec("LODGING 2")
def test_a_request_names_the_intent_by_an_essential_claim(clients: Clients, bank: FakeBank) -> None:
    intent = lodged(clients, bank)
    claims = {"userinfo": {"email": None}, "id_token": {"acr": {"essential": True}}}
    assert intent.asked(scope="openid accounts", claims=claims) == {
        "scope": "openid accounts",
        "claims": {
            "userinfo": {"email": None},
            "id_token": {
                "acr": {"essential": True},
                CLAIM: {"value": intent.intent_id, "essential": True},
            },
        },
    }
    with pytest.raises(ConfigurationError, match="add openid to scope"):
        intent.asked(scope="accounts")
    with pytest.raises(ConfigurationError, match="set signed_requests=True"):
        clients.of(bank).begin(**intent.asked())


@pytest.mark.conformance("fapi2-rp", "client-test-invalid-openbanking-intent-id")
@pytest.mark.spec("LODGING 3")
@pytest.mark.parametrize(
    "named", ["another", None, ["urn-alphabank-intent-88379"], "URN-alphabank-intent-88379"]
)
def test_an_id_token_about_another_intent_is_refused(clients: Clients, bank: FakeBank, named: Any) -> None:
    intent = lodged(clients, bank)
    bank.faults["id_token"] = lambda claims: {**claims, CLAIM: named}
    with pytest.raises(WrongRequestedClaim):
        signed_in(clients.of(bank, signed_requests=True), bank, **intent.asked(scope="openid accounts"))
    bank.faults["id_token"] = lambda claims: {**claims, CLAIM: intent.intent_id}
    login = signed_in(clients.of(bank, signed_requests=True), bank, **intent.asked(scope="openid accounts"))
    assert ("ID token: the lodged intent", "passed") in [(c.name, c.outcome) for c in login.report]


@pytest.mark.spec("LODGING 3", "LODGING 6", "LODGING 8")
@pytest.mark.parametrize("scope", ["consent:urn:bancoex:C1DD33123", "AIS:1234", "PIS:1234"])
def test_an_id_token_may_be_silent_about_an_intent_that_a_scope_names_but_not_wrong(
    clients: Clients, bank: FakeBank, scope: str
) -> None:
    login = signed_in(clients.of(bank), bank, scope=f"openid accounts {scope}")
    assert ("ID token: the lodged intent", "skipped") in [(c.name, c.outcome) for c in login.report]
    bank.faults["id_token"] = lambda claims: {**claims, CLAIM: "another"}
    with pytest.raises(WrongRequestedClaim, match="another intent"):
        signed_in(clients.of(bank), bank, scope=f"openid accounts {scope}")


@pytest.mark.conformance("fapi1-rp", "client-test-invalid-openbanking-intent-id")
@pytest.mark.spec("LODGING 3")
def test_a_front_channel_id_token_about_another_intent_uses_no_code(clients: Clients, bank: FakeBank) -> None:
    hybrid = {
        "profile": "fapi1-baseline",
        "response_type": "code id_token",
        "id_token_signed_response_alg": "ES256",
        "signed_requests": True,
    }
    intent = lodged(clients, bank)
    bank.faults["front_id_token"] = lambda claims: {**claims, CLAIM: "another"}
    calls = len(bank.calls("token"))
    with pytest.raises(WrongRequestedClaim, match="another intent"):
        signed_in(clients.of(bank, **hybrid), bank, **intent.asked(scope="openid accounts"))
    assert len(bank.calls("token")) == calls


def test_an_intent_is_read_again_from_what_was_kept_of_it(clients: Clients, bank: FakeBank) -> None:
    intent = lodged(clients, bank)
    kept = LodgedIntent.kept(UkAccountAccess.shape, intent_id=intent.intent_id, url=intent.url)
    assert kept.asked(scope="openid accounts") == intent.asked(scope="openid accounts")
    bank.faults[f"api_{intent.intent_id}"] = lambda _call: (200, {}, LODGED)
    client = clients.of(bank)
    assert client.read_intent(kept, tokens=client.client_credentials(scope="accounts")) == intent


def test_a_bank_with_a_body_of_its_own_needs_a_class_of_the_application(
    clients: Clients, bank: FakeBank
) -> None:
    class Standing:
        shape = replace(UkAccountAccess.shape, id=("Data", "Id"), words={"awaiting": "NEW"}, further_words={})

        def body(self) -> dict[str, Any]:
            return {"Data": {"Frequency": "monthly"}}

    answer = {"Data": {"Id": "1", "Status": "NEW"}}
    bank.faults["api_account-access-consents"] = lambda _call: (201, {}, answer)
    intent = lodged(clients, bank, Standing())
    assert (intent.intent_id, intent.state) == ("1", "awaiting")
    assert json.loads(bank.calls("account-access-consents")[-1].body) == {"Data": {"Frequency": "monthly"}}


@pytest.mark.parametrize("key", ["", "a b", '"a"', "a,b", "é", "a\r\nb", "x" * 256, 7], ids=str)
def test_an_idempotency_key_that_is_none_is_refused_before_the_call(
    clients: Clients, bank: FakeBank, key: Any
) -> None:
    with pytest.raises(ConfigurationError, match="idempotency_key must be one key"):
        lodged(clients, bank, idempotency_key=key)
    assert bank.calls("account-access-consents") == []


def test_without_an_idempotency_key_none_is_sent(clients: Clients, bank: FakeBank) -> None:
    lodged(clients, bank)
    assert "x-idempotency-key" not in bank.calls("account-access-consents")[-1].headers
    lodged(clients, bank, idempotency_key="key-1")
    assert bank.calls("account-access-consents")[-1].headers["x-idempotency-key"] == "key-1"


# --- signed bodies --------------------------------------------------------------------------------


SIGNING = DetachedJws(
    signer=a_key("PS256", 1), issuer="org/software", bank=BANK, jwks={"keys": [dict(BANK_KEY.public_jwk)]}
)


def signed(bank: FakeBank, members: Any, *, of: Any = None) -> Any:
    """An answer of the bank with this body, signed over `of`, or over the body."""
    octets = json.dumps(members).encode()
    header = header_members(**{"kid": BANK_KEY.kid, ISS: BANK, IAT: int(bank.clock()) - 1})
    field = signed_field(header, octets if of is None else of, BANK_KEY)
    return 201, {"x-jws-signature": field}, octets


def test_an_intent_is_signed_where_the_bank_wants_that(clients: Clients, bank: FakeBank) -> None:
    bank.faults["api_account-access-consents"] = lambda _call: signed(bank, LODGED)
    intent = lodged(clients, bank, message_signing=SIGNING)
    call = bank.calls("account-access-consents")[-1]
    header, payload, signature = call.headers["x-jws-signature"].split(".")
    assert (payload, bool(header), bool(signature)) == ("", True, True)
    assert intent.state == "awaiting"
    fields = [each.headers["x-jws-signature"] for each in bank.calls("account-access-consents")]
    assert len(set(fields)) == len(fields)  # each attempt is signed anew


ASKED = '"@method" "@target-uri" "authorization" "dpop" "content-digest"'


@pytest.mark.spec("RFC 9421 5.1")
@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (f'request=({ASKED});created;tag="fapi-2-request"', "message_signing=HttpSignatures(signer=...)"),
        (
            f'other=("date");tag="other", sig=({ASKED} "x-idempotency-key" "X-Odd");created;tag="fapi-2-request"',
            "message_signing=HttpSignatures(signer=..., fields=('x-idempotency-key',))",
        ),
        (f'request=({ASKED});created;tag="other"', None),
        ('request="@method";tag="fapi-2-request"', None),
        ("request=(", None),
        ("x" * 9000, None),
        (None, None),
    ],
    ids=str,
)
def test_a_bank_that_wants_a_signature_says_which(
    clients: Clients, bank: FakeBank, asked: str | None, hint: str | None
) -> None:
    headers = {"www-authenticate": 'DPoP error="invalid_signature"'}
    headers |= {} if asked is None else {"accept-signature": asked}
    bank.faults["api_account-access-consents"] = lambda _call: (401, headers, {})
    with pytest.raises(PeerRefused) as refused:
        lodged(clients, bank)
    assert refused.value.peer_code == "invalid_signature"
    assert ("it wants a signature" in str(refused.value)) is (hint is not None)
    assert hint is None or hint in str(refused.value)


@pytest.mark.parametrize("answer", ["unsigned", "of another body"])
def test_an_answer_that_is_not_signed_by_the_bank_is_no_intent(
    clients: Clients, bank: FakeBank, answer: str
) -> None:
    bank.faults["api_account-access-consents"] = lambda _call: (
        (201, {}, LODGED) if answer == "unsigned" else signed(bank, LODGED, of=b"{}")
    )
    with pytest.raises(JwtError) as refused:
        lodged(clients, bank, message_signing=SIGNING)
    assert getattr(refused.value.outcome, "status", None) == 201


@pytest.mark.conformance("fapi1-rp", "client-test-payment-consent-response-valid-aud-as-array")
@pytest.mark.parametrize("audience", ["org-fintech", ["org-fintech"]])
def test_in_brazil_both_bodies_are_jwts(clients: Clients, bank: FakeBank, audience: Any) -> None:
    signing = JwtBodies(
        signer=a_key("PS256", 1),
        issuer="org-fintech",
        bank="org-bank",
        jwks={"keys": [dict(BANK_KEY.public_jwk)]},
    )
    claims = {
        "aud": audience,
        "iss": "org-bank",
        "iat": int(bank.clock()),
        "data": {"consentId": "urn:bancoex:C1DD33123", "status": "AWAITING_AUTHORISATION"},
    }

    def answer(_call: Any) -> Any:
        jwt = mint({**claims, "jti": str(uuid.uuid4())}, BANK_KEY, header={"typ": "JWT"})
        return 201, {"content-type": "application/jwt"}, jwt.encode()

    bank.faults["api_account-access-consents"] = answer
    consent = BrazilConsent(
        permissions=["ACCOUNTS_READ"], cpf="76109277673", expires_at=dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
    )
    intent = lodged(clients, bank, consent, message_signing=signing)
    assert (intent.intent_id, intent.state) == ("urn:bancoex:C1DD33123", "awaiting")
    assert intent.url == f"{URL}/urn:bancoex:C1DD33123"
    assert intent.asked()["scope"] == "openid consent:urn:bancoex:C1DD33123"
    call = bank.calls("account-access-consents")[-1]
    assert (call.headers["content-type"], call.headers["accept"]) == ("application/jwt", "application/jwt")
    sent = claims_of(call.body.decode())
    assert (sent["aud"], sent["iss"]) == (URL, "org-fintech")
    assert sent["data"] == consent.body()["data"]
