"""From discovery to the API and back, as the demo goes, without a socket."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from rpkit.errors import GrantEnded
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, FakeBank

ACCOUNTS = "https://bank.example/accounts"
PAYMENTS = "https://bank.example/payments"


@pytest.mark.spec("FAPI2-SP 5.3.3.2-6; RFC 8707 2a, 2.2")
def test_a_payment_from_sign_in_to_revocation(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    start = client.begin(
        scope="openid accounts payments",
        resources=[ACCOUNTS, PAYMENTS],
        authorization_details=[{"type": "payment", "amount": "10"}],
    )
    assert set(dict(parse_qsl(urlsplit(start.url).query))) == {"client_id", "request_uri"}
    pushed = bank.calls("par")[-1]
    assert [value for name, value in pushed.pairs if name == "resource"] == [ACCOUNTS, PAYMENTS]
    assert pushed.form["code_challenge_method"] == "S256"
    assert pushed.form["client_id"] == CLIENT_ID

    login = client.complete(bank.authorize(start.url), start.transaction, resource=ACCOUNTS)
    assert login.id_token.subject == "alice"
    assert login.tokens.has(ACCOUNTS)
    assert not login.tokens.has(PAYMENTS)
    assert client.userinfo(login).claims["name"] == "Alice"

    with client.api(
        login.tokens, base_url="https://bank.example", resource=ACCOUNTS, transport=bank.transport()
    ) as api:
        assert api.get("/accounts").json()["accounts"]

    tokens = client.refresh(login.tokens, resource=PAYMENTS)
    assert tokens.has(ACCOUNTS)
    assert tokens.has(PAYMENTS)
    with client.api(tokens, base_url=PAYMENTS, resource=PAYMENTS, transport=bank.transport()) as api:
        assert api.post(PAYMENTS, json={"amount": "10"}).status_code == 200
    client.revoke(tokens)
    gone = client.api(tokens, base_url=PAYMENTS, resource=PAYMENTS, transport=bank.transport())
    with gone as api, pytest.raises(GrantEnded):
        api.post(PAYMENTS, json={"amount": "10"})
