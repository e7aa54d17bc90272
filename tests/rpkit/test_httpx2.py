"""A client of httpx2, the successor of httpx with which it shares no classes, works the same."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from fapikit import HttpSettings
from fapikit.errors import ConfigurationError, ResponseTooLarge, Unreachable
from rpkit.errors import ForeignOrigin
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ORIGIN, signed_in


def transport(bank: FakeBank) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        status, headers, body = bank.respond(
            request.method, str(request.url), request.headers.multi_items(), request.read()
        )
        return httpx2.Response(status, headers=headers, content=body)

    return httpx2.MockTransport(answer)


def settings(bank: FakeBank) -> HttpSettings:
    return HttpSettings(
        client=httpx2.Client(transport=transport(bank)),
        async_client=httpx2.AsyncClient(transport=transport(bank)),
    )


def test_the_whole_way(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank, http=settings(bank))
    login = signed_in(client, bank)
    assert client.userinfo(login).subject == "alice"
    left = [1]

    def refuse_once(_call: Any) -> Any:
        left[0] -= 1
        return (401, {"www-authenticate": 'DPoP error="invalid_token"'}, {}) if left[0] >= 0 else None

    bank.faults["api_accounts"] = refuse_once
    with client.api(login.tokens, base_url=ORIGIN, transport=transport(bank)) as api:
        answer = api.get("/accounts")
        assert isinstance(answer, httpx2.Response)
        assert answer.status_code == 200
        assert api.tokens.version == 2
        with pytest.raises(ForeignOrigin):
            api.get("https://evil.example/")
        with pytest.raises(ConfigurationError):
            api.get("/accounts", follow_redirects=True)
    with (
        client.api(login.tokens, base_url=ORIGIN, transport=transport(bank), max_bytes=5) as api,
        pytest.raises(ResponseTooLarge),
    ):
        api.get("/accounts")


def test_the_library_can_be_chosen_for_the_api_alone(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with client.api(login.tokens, base_url=ORIGIN, transport=transport(bank), library=httpx2) as api:
        assert isinstance(api.get("/accounts"), httpx2.Response)


def test_its_errors_are_transport_errors(clients: Clients, bank: FakeBank) -> None:
    def down(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("down")

    broken = httpx2.MockTransport(down)
    http = HttpSettings(
        client=httpx2.Client(transport=broken), async_client=httpx2.AsyncClient(transport=broken)
    )
    with pytest.raises(Unreachable):
        clients.of(bank, http=http)
