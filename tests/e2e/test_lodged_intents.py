"""A client lodges an intent, its user agrees at the bank, and the API does that and nothing else: over TLS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import API_CLIENT_ID, CLIENT_ID, REDIRECT_URI, RunningServer, running
from examples.books import Books
from fapikit import PrivateKeyJWT, SqliteStore
from fapikit.errors import ConfigurationError, PeerRefused
from rpkit import (
    BerlinGroupConsent,
    BerlinGroupPayment,
    BrazilConsent,
    LodgedIntent,
    TokenSet,
    UkAccount,
    UkAccountAccess,
    UkDomesticPayment,
)
from rpkit.errors import AuthorizationRefused, GrantEnded
from rskit import ConsentLedger, DetailsType, Introspection, Issuer, ResourceServer
from tests.keys import a_key
from tests.mothers.clients import KINDS, Clients
from wsgi_mw import Protect
from wsgi_mw.flask import Access, use_consent

Running = RunningServer[AuthorizationServer]
ACCOUNTS = "https://accounts.example.test/"
PAYMENTS = "https://payments.example.test/"
SOON = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
UK_PAYMENT = {
    "InstructionIdentification": "ACME412",
    "EndToEndIdentification": "FRESCO.21302.GFX.20",
    "InstructedAmount": {"Amount": "165.88", "Currency": "GBP"},
    "CreditorAccount": {
        "SchemeName": "UK.OBIE.SortCodeAccountNumber",
        "Identification": "08080021325698",
        "Name": "ACME Inc",
    },
}
TRANSFER = {
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}
TYPES = {
    "uk_account_access": DetailsType("uk_account_access", executed=("Permissions",), sets=("Permissions",)),
    "brazil_consent": DetailsType("brazil_consent", executed=("permissions",), sets=("permissions",)),
    "berlin_group_consent": DetailsType(
        "berlin_group_consent",
        executed=("access",),
        not_executed=("recurringIndicator", "frequencyPerDay", "combinedServiceIndicator"),
        sets=("access.balances",),
    ),
    "uk_domestic_payment": DetailsType(
        "uk_domestic_payment", executed=tuple(UK_PAYMENT), decimals=("InstructedAmount.Amount",)
    ),
    "berlin_group_payment": DetailsType(
        "berlin_group_payment", executed=tuple(TRANSFER), decimals=("instructedAmount.amount",)
    ),
}
"""How the APIs compare what is requested with what was lodged."""
INTENTS: dict[str, Any] = {
    "uk_account_access": UkAccountAccess(permissions=["ReadAccountsBasic", "ReadBalances"], expires_at=SOON),
    "brazil_consent": BrazilConsent(
        permissions=["ACCOUNTS_READ", "RESOURCES_READ"], cpf="76109277673", expires_at=SOON
    ),
    "berlin_group_consent": BerlinGroupConsent(
        access={"balances": [{"iban": "DE40100100103307118608"}]}, valid_until=SOON.date()
    ),
    "uk_domestic_payment": UkDomesticPayment(
        amount=Decimal("165.88"),
        creditor_account=UkAccount(
            scheme="UK.OBIE.SortCodeAccountNumber", identification="08080021325698", name="ACME Inc"
        ),
        instruction_id="ACME412",
        end_to_end_id="FRESCO.21302.GFX.20",
    ),
    "berlin_group_payment": BerlinGroupPayment(
        amount="123.50", creditor_name="Merchant A", creditor_iban="DE02100100109307118603"
    ),
}
ORDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "uk_account_access": ({"Permissions": ["ReadBalances"]}, {"Permissions": ["ReadPAN"]}),
    "brazil_consent": ({"permissions": ["ACCOUNTS_READ"]}, {"permissions": ["ACCOUNTS_BALANCES_READ"]}),
    "berlin_group_consent": (
        {"access": {"balances": [{"iban": "DE40100100103307118608"}]}},
        {"access": {"balances": [{"iban": "DE02100100109307118603"}]}},
    ),
    "uk_domestic_payment": (
        UK_PAYMENT,
        {**UK_PAYMENT, "InstructedAmount": {"Amount": "165.89", "Currency": "GBP"}},
    ),
    "berlin_group_payment": (TRANSFER, {**TRANSFER, "creditorName": "Merchant B"}),
}
"""An order that the intent covers, and one that differs."""
every_type = pytest.mark.parametrize("type_", sorted(INTENTS))


def api_of(type_: str) -> str:
    return PAYMENTS if type_.endswith("payment") else ACCOUNTS


def scope_of(type_: str) -> str:
    return "payments" if type_.endswith("payment") else "accounts"


def settings() -> dict[str, Any]:
    def api(uri: str, scope: str) -> dict[str, Any]:
        return {
            "uri": uri,
            "scopes": [scope],
            "token_format": "opaque",
            "introspection_clients": [API_CLIENT_ID],
        }

    other = {
        "client_id": "other",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(a_key("ES256", 2).public_jwk)]},
    }
    types = [
        {
            "type": type_,
            "resource": api_of(type_),
            "single_use": type_.endswith("payment"),
            "lodged": {"shape": type_.replace("_", "-"), "scope": scope_of(type_)},
        }
        for type_ in INTENTS
    ]
    alice = {"username": "alice", "password": "wonderland", "claims": {"cpf": "76109277673"}}
    return {
        "users": [alice],
        "clients": [other],
        "resources": [api(ACCOUNTS, "accounts"), api(PAYMENTS, "payments")],
        "authorization_details_types": types,
    }


@pytest.fixture
def bank() -> Iterator[Running]:
    with running(settings(), clock=MovableClock(), kind=AuthorizationServer) as server:
        yield server


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest, bank: Running) -> Iterator[Callable[[str], Any]]:
    """Makes a client of this name."""
    kinds, made = Clients(request.param), []

    def make(client_id: str = CLIENT_ID) -> Any:
        key = bank.client_key if client_id == CLIENT_ID else a_key("ES256", 2)
        client = kinds.discover(
            bank.issuer,
            client_id=client_id,
            auth=PrivateKeyJWT(key),
            redirect_uri=bank.redirect_uri,
            http=bank.http(),
            signed_requests=True,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close() if kinds.kind == "sync" else client.aclose()
    kinds.close()


@pytest.fixture
def ordered(bank: Running, tmp_path: Path) -> Iterator[Callable[..., httpx.Response]]:
    """What the API answers to an order of this type with these tokens."""
    books, store = Books(tmp_path / "books.db"), SqliteStore(tmp_path / "marks.db")
    made: list[Any] = [store]

    def protected(resource: str) -> Any:
        app = flask.Flask("api")
        for type_, kind in TYPES.items():
            pays = type_.endswith("payment")

            def needed(request: Any, kind: DetailsType = kind) -> Any:
                return kind.needed(request.get_json())

            def order(pays: bool = pays) -> Any:
                return use_consent(books.pay) if pays else "done"

            guarded = Access(scope_of(type_), details=needed, fresh=True)(order)
            app.add_url_rule(f"/{type_}", type_, guarded, methods=["POST"])
        server = ResourceServer(
            resource=resource,
            issuers=[
                Issuer(bank.issuer, introspection=Introspection(API_CLIENT_ID, PrivateKeyJWT(bank.api_key)))
            ],
            profile="fapi2-security",
            http=bank.http(),
            store=store,
            consents=ConsentLedger(store, reconcile=books.find),
        )
        made.append(server)
        app.wsgi_app = Protect(app.wsgi_app, server)  # type: ignore[method-assign]
        return app

    apis = {resource: protected(resource) for resource in (ACCOUNTS, PAYMENTS)}
    sync = Clients("sync")
    caller = sync.discover(
        bank.issuer, client_id=CLIENT_ID, auth=PrivateKeyJWT(bank.client_key), http=bank.http()
    )

    def call(tokens: TokenSet, type_: str, order: dict[str, Any], key: str = "key-1") -> httpx.Response:
        resource = api_of(type_)
        transport = httpx.WSGITransport(app=apis[resource])
        with caller.api(tokens, base_url=resource, resource=resource, transport=transport) as client:
            answer: httpx.Response = client.post(
                f"{resource}{type_}", json=order, headers={"idempotency-key": key}
            )
            return answer

    yield call
    caller.close()
    for opened in reversed(made):
        opened.close()


def own(client: Any, type_: str) -> TokenSet:
    tokens: TokenSet = client.client_credentials(scope=scope_of(type_), resource=api_of(type_))
    return tokens


def url_of(bank: Running, type_: str) -> str:
    (path,) = [each.path for known, each in bank.app.config.lodgings if known.type == type_]
    return f"{bank.issuer}{path}"


def lodged(client: Any, bank: Running, type_: str) -> LodgedIntent:
    api = api_of(type_)
    intent: LodgedIntent = client.lodge(
        INTENTS[type_], url=url_of(bank, type_), tokens=own(client, type_), resource=api
    )
    return intent


def signed_in(client: Any, bank: Running, type_: str, intent: LodgedIntent) -> Any:
    start = client.begin(resources=[api_of(type_)], **intent.asked(scope=f"openid {scope_of(type_)}"))
    return client.complete(bank.browse(start.url), start.transaction)


@every_type
@pytest.mark.spec("LODGING 1", "Idempotency-Key 2.1", "Idempotency-Key 2.6")
def test_an_intent_is_lodged_again_with_its_key_and_is_the_same(
    bank: Running, clients: Callable[..., Any], type_: str
) -> None:
    client = clients()
    how: dict[str, Any] = {
        "url": url_of(bank, type_),
        "tokens": own(client, type_),
        "resource": api_of(type_),
    }
    first = client.lodge(INTENTS[type_], **how, idempotency_key="FRESCO.21302.GFX.20")
    again = client.lodge(INTENTS[type_], **how, idempotency_key="FRESCO.21302.GFX.20")
    assert (again.intent_id, again.members) == (first.intent_id, first.members)
    assert client.lodge(INTENTS[type_], **how, idempotency_key="other").intent_id != first.intent_id
    other = BrazilConsent(permissions=["RESOURCES_READ"], cpf="76109277673", expires_at=SOON)
    if type_ == "brazil_consent":
        with pytest.raises(PeerRefused) as refused:
            client.lodge(other, **how, idempotency_key="FRESCO.21302.GFX.20")
        assert (refused.value.status, refused.value.peer_code) == (422, "idempotency_key_reused")


@every_type
@pytest.mark.spec("LODGING 1", "LODGING 2", "LODGING 3", "LODGING 6", "LODGING 8")
def test_the_api_does_what_was_lodged_and_nothing_else(
    bank: Running, clients: Callable[..., Any], ordered: Callable[..., httpx.Response], type_: str
) -> None:
    client = clients()
    intent = lodged(client, bank, type_)
    assert intent.state == "awaiting"
    assert intent.url == f"{url_of(bank, type_)}/{intent.intent_id}"
    login = signed_in(client, bank, type_, intent)
    assert ("ID token: the lodged intent", "passed") in [(c.name, c.outcome) for c in login.report]
    assert login.id_token.claims["openbanking_intent_id"] == intent.intent_id
    tokens = own(client, type_)
    assert client.read_intent(intent, tokens=tokens, resource=api_of(type_)).state == "authorised"

    good, different = ORDERS[type_]
    refused = ordered(login.tokens, type_, different, key="key-0")
    assert refused.status_code == 403
    assert 'error="insufficient_authorization_details"' in refused.headers["www-authenticate"]
    without_user = ordered(tokens, type_, good, key="key-0")
    assert without_user.status_code == 403
    assert ordered(login.tokens, type_, good).status_code == 200
    again = ordered(login.tokens, type_, good, key="key-2").status_code
    assert again == (409 if type_.endswith("payment") else 200)


@every_type
@pytest.mark.spec("LODGING 4")
def test_an_intent_of_another_client_is_refused(
    bank: Running, clients: Callable[..., Any], type_: str
) -> None:
    intent = lodged(clients(), bank, type_)
    other = clients("other")
    with pytest.raises(PeerRefused) as refused:
        other.begin(**intent.asked())
    assert refused.value.peer_code == "invalid_request"
    assert "no such intent was lodged here, or another client lodged it" in str(refused.value)
    with pytest.raises(PeerRefused, match="no intent of this client has this URL"):
        other.read_intent(intent, tokens=own(other, type_), resource=api_of(type_))


@pytest.mark.parametrize("type_", [name for name in sorted(INTENTS) if name != "uk_domestic_payment"])
@pytest.mark.spec("LODGING 5", "LODGING 7")
def test_an_ended_intent_ends_its_tokens(
    bank: Running, clients: Callable[..., Any], ordered: Callable[..., httpx.Response], type_: str
) -> None:
    client = clients()
    intent = lodged(client, bank, type_)
    login = signed_in(client, bank, type_, intent)
    tokens = own(client, type_)
    client.end_intent(intent, tokens=tokens, resource=api_of(type_))
    with pytest.raises(GrantEnded):
        ordered(login.tokens, type_, ORDERS[type_][0])
    if type_ == "uk_account_access":
        with pytest.raises(PeerRefused, match="this intent was ended by its client"):
            client.read_intent(intent, tokens=tokens, resource=api_of(type_))
    else:
        found = client.read_intent(intent, tokens=tokens, resource=api_of(type_))
        assert found.state in ("revoked", "rejected")
    with pytest.raises(PeerRefused, match="this intent was ended by its client: lodge a new one"):
        client.begin(**intent.asked())


def test_a_user_who_refuses_ends_the_intent(bank: Running, clients: Callable[..., Any]) -> None:
    client = clients()
    intent = lodged(client, bank, "uk_account_access")
    start = client.begin(**intent.asked(scope="openid accounts"))
    with pytest.raises(AuthorizationRefused) as refused:
        client.complete(bank.browse(start.url, decision="deny"), start.transaction)
    assert refused.value.peer_code == "access_denied"
    found = client.read_intent(intent, tokens=own(client, "uk_account_access"), resource=ACCOUNTS)
    assert (found.state, found.status) == ("rejected", "RJCT")


def test_what_the_bank_does_not_take_is_told_with_member_and_rule(
    bank: Running, clients: Callable[..., Any]
) -> None:
    client = clients()
    broken = UkAccountAccess(permissions=["ReadEverything"])
    with pytest.raises(PeerRefused, match=r"Data\.Permissions\.0 must be one of those that this type allows"):
        client.lodge(
            broken,
            url=url_of(bank, "uk_account_access"),
            tokens=own(client, "uk_account_access"),
            resource=ACCOUNTS,
        )


def test_a_token_for_another_origin_is_sent_only_where_the_application_says_so(
    bank: Running, clients: Callable[..., Any]
) -> None:
    client = clients()
    with pytest.raises(ConfigurationError, match="set resource= if the token may be sent to that API"):
        client.lodge(
            INTENTS["uk_account_access"],
            url=url_of(bank, "uk_account_access"),
            tokens=own(client, "uk_account_access"),
        )
