"""What an API of FAPI 1 is told about the customer, and the id of each call."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from fapikit.errors import ConfigurationError
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import api_of, signed_in

UUID = "91f0f0c5-79f7-4877-906b-817789536232"
MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def sent(clients: Clients, bank: FakeBank, headers: dict[str, str] | None = None, **told: Any) -> Any:
    client = clients.of(bank)
    with api_of(client, bank, signed_in(client, bank).tokens, **told) as api:
        api.get("/accounts", headers=headers)
    return bank.calls("accounts")[-1].headers


@pytest.mark.spec("FAPI1-BL 6.2.2-3, -4, -5")
def test_the_api_is_told(clients: Clients, bank: FakeBank) -> None:
    headers = sent(clients, bank, customer_ip_address="198.51.100.7", auth_date=MOMENT)
    assert headers["x-fapi-customer-ip-address"] == "198.51.100.7"
    assert headers["x-fapi-auth-date"] == "Wed, 04 Mar 2026 05:06:07 GMT"
    uuid.UUID(headers["x-fapi-interaction-id"])


def test_nothing_is_told_that_was_not_given(clients: Clients, bank: FakeBank) -> None:
    headers = sent(clients, bank)
    assert not {"x-fapi-customer-ip-address", "x-fapi-auth-date"} & set(headers)


def test_other_spellings_of_the_same(clients: Clients, bank: FakeBank) -> None:
    told = {
        "customer_ip_address": "2001:DB8:0:0::1",
        "auth_date": MOMENT.astimezone(timezone(timedelta(hours=9))),
        "headers": {"x-of-the-application": "1"},
    }
    headers = sent(clients, bank, **told)
    assert headers["x-fapi-customer-ip-address"] == "2001:db8::1"
    assert headers["x-fapi-auth-date"] == "Wed, 04 Mar 2026 05:06:07 GMT"
    assert headers["x-of-the-application"] == "1"


def test_a_header_of_the_call_stands_above(clients: Clients, bank: FakeBank) -> None:
    own = {"x-fapi-customer-ip-address": "203.0.113.9"}
    assert sent(clients, bank, own, customer_ip_address="198.51.100.7").items() >= own.items()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"customer_ip_address": "localhost"}, "FAPI1-BL 6.2.2-4"),
    "two addresses": ({"customer_ip_address": "198.51.100.7, 203.0.113.9"}, "FAPI1-BL 6.2.2-4"),
    "a port": ({"customer_ip_address": "198.51.100.7:443"}, "FAPI1-BL 6.2.2-4"),
    "a network": ({"customer_ip_address": "198.51.100.0/24"}, "FAPI1-BL 6.2.2-4"),
    "an interface": ({"customer_ip_address": "fe80::1%eth0"}, "FAPI1-BL 6.2.2-4"),
    "a line break": ({"customer_ip_address": "198.51.100.7\r\nx: y"}, "FAPI1-BL 6.2.2-4"),
    "nothing": ({"customer_ip_address": ""}, "FAPI1-BL 6.2.2-4"),
    "a time without zone": ({"auth_date": datetime(2026, 3, 4)}, "FAPI1-BL 6.2.2-3"),  # noqa: DTZ001
    "a time as text": ({"auth_date": "Wed, 04 Mar 2026 05:06:07 GMT"}, "FAPI1-BL 6.2.2-3"),
    "a time as a number": ({"auth_date": 1772600767.0}, "FAPI1-BL 6.2.2-3"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_no_api_could_read_is_not_sent(what: str, clients: Clients, bank: FakeBank) -> None:
    told, clause = WRONG[what]
    client = clients.of(bank)
    tokens = signed_in(client, bank).tokens
    with pytest.raises(ConfigurationError) as caught:
        api_of(client, bank, tokens, **told)
    assert caught.value.clause == clause


@pytest.mark.spec("FAPI1-BL 6.2.2-5")
@pytest.mark.parametrize("own", ["7", "payment 7", f"{{{UUID}}}", UUID.replace("-", ""), f"urn:uuid:{UUID}"])
def test_an_interaction_id_is_a_uuid(own: str, clients: Clients, bank: FakeBank) -> None:
    with pytest.raises(ConfigurationError, match="uuid4") as caught:
        sent(clients, bank, {"x-fapi-interaction-id": own})
    assert caught.value.clause == "FAPI1-BL 6.2.2-5"
    assert not bank.calls("accounts")


def test_the_applications_uuid_is_sent_as_it_is(clients: Clients, bank: FakeBank) -> None:
    own = str(uuid.uuid4()).upper()
    assert sent(clients, bank, {"x-fapi-interaction-id": own})["x-fapi-interaction-id"] == own
