"""What one request may hold, in octets, number and time, in whatever ASGI server this one is mounted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from askit import AuthorizationServer, Config
from askit.config.limits import Limits
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import PlainClient

pytestmark = pytest.mark.anyio

SMALL = {
    "header_octets": 4096,
    "headers": 12,
    "body_octets": 4096,
    "parameters": 20,
    "parameter_octets": 200,
    "long_parameter_octets": 2000,
    "sealed_request_octets": 2000,
}
POSTED = (
    "/par", "/token", "/introspect", "/revoke", "/authorize", "/login", "/decision", "/logout", "/grants/end",
    "/end_session", "/register",
)  # fmt: skip
FORM = b"application/x-www-form-urlencoded"


@pytest.fixture
def bank() -> Bank:
    return Bank(profile="oauth-2.1", limits=SMALL)


async def _ask(
    bank: Bank,
    *,
    path: str = "/par",
    query: bytes = b"",
    headers: Mapping[str, str] = MappingProxyType({}),
    body: Any = b"",
) -> int:
    """The status of a request that another server handed over as it came. A body in pieces has no length."""
    pieces = [body] if isinstance(body, bytes) else body
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"content-type", FORM), *((k.encode(), v.encode()) for k, v in headers.items())],
        "client": ("192.0.2.1", 1),
        "root_path": "",
    }

    async def receive() -> dict[str, Any]:
        if not pieces:
            return await asyncio.Event().wait()  # type: ignore[return-value]
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    app = Starlette(routes=[Mount("/", app=bank.server)])
    await app(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.spec("RFC 6585 5")
@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({}, 401),
        ({"query": b"x" * 3900}, 401),
        ({"query": b"x" * 4100}, 431),
        ({"path": "/par" + "x" * 4100}, 431),
        ({"headers": {"x": "y" * 4100}}, 431),
        ({"headers": {"y" * 4100: "x"}}, 431),
        ({"headers": {f"x-{number}": "y" for number in range(11)}}, 401),
        ({"headers": {f"x-{number}": "y" for number in range(12)}}, 431),
        ({"headers": {"content-length": "4096"}}, 401),
        ({"headers": {"content-length": "4097"}}, 413),
        ({"headers": {"content-length": "9" * 3000}}, 413),
    ],
)
async def test_a_head_too_long_is_refused_before_anything_reads_it(
    bank: Bank, message: dict[str, Any], status: int
) -> None:
    assert await _ask(bank, **{"body": b"client_id=nobody", **message}) == status


@pytest.mark.spec("RFC 9126 2.3")
@pytest.mark.parametrize("path", POSTED)
async def test_a_body_without_end_is_read_no_further_than_its_bound(path: str) -> None:
    bank = Bank(profile="oauth-2.1", limits=SMALL, initial_access_token="open")
    headers = {"authorization": "Bearer open"} if path == "/register" else {}
    body = [b"x" * 1000] * 100
    assert await _ask(bank, path=path, headers=headers, body=body) == 413
    assert len(body) == 95


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"state": "x" * 200}, 401),
        ({"state": "x" * 201}, 413),
        ({"state": "é" * 101}, 413),
        ({"unheard-of": "x" * 201}, 413),
        ({"resource": ["https://a.example/", "x" * 201]}, 413),
        ({"request": "x" * 2000}, 401),
        ({"request": "x" * 2001}, 413),
        ({f"x{number}": "y" for number in range(19)}, 401),
        ({f"x{number}": "y" for number in range(20)}, 400),
        ({"resource": ["y"] * 20}, 400),
    ],
)
async def test_parameters_have_a_length_and_a_number(bank: Bank, form: Any, status: int) -> None:
    body = urlencode({"client_id": "nobody", **form}, doseq=True)
    assert await _ask(bank, body=body.encode()) == status


async def test_those_of_a_query_have_them_too(bank: Bank) -> None:
    client = bank.client()
    for path in ("/authorize", "/interaction", "/end_session"):
        long = await client.http.get(path, params={"state": "x" * 201})
        many = await client.http.get(path, params={f"x{number}": "y" for number in range(21)})
        assert (long.status_code, many.status_code) == (413, 400)
        assert "more than 20 parameters" in many.text


async def test_and_those_inside_a_request_object() -> None:
    client = Bank(profile="fapi2-message-signing", limits=SMALL).client()
    for state, status in (("x" * 200, 201), ("x" * 201, 413)):
        pushed = await client.push({"request": client.request_object(response_mode="jwt", state=state)})
        assert pushed.status_code == status, pushed.text


@pytest.mark.spec("RFC 9110 15.5.9")
async def test_a_body_that_drips_ends_in_time() -> None:
    """Each octet is soon there, the last one never: the time is that of the whole body."""
    bank = Bank(limits={"body_seconds": 0.05})
    drips = 0

    async def receive() -> dict[str, Any]:
        nonlocal drips
        drips += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/par", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", FORM)],
    }  # fmt: skip
    async with asyncio.timeout(20):
        await bank.server(scope, receive, send)
    assert sent[0]["status"] == 408
    assert drips > 1


async def test_a_body_that_breaks_off_is_no_fault_of_this_server(
    client: PlainClient, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_: Any) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": "/par", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", FORM)],
    }  # fmt: skip
    await bank.server(scope, receive, send)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"headers": 0}, "limits.headers must be a whole number"),
        ({"headers": 1.5}, "limits.headers"),
        ({"headers": True}, "limits.headers"),
        ({"body_seconds": 0}, "limits.body_seconds"),
        ({"heders": 5}, "limits.heders is not a setting; did you mean headers?"),
        (
            {"parameter_octets": 70_000},
            "limits.parameter_octets = 70000 must not be more than limits.long_parameter_octets",
        ),
        ({"long_parameter_octets": 200_000}, "limits.long_parameter_octets"),
        ({"sealed_request_octets": 40_000}, "limits.sealed_request_octets"),
    ],
)
def test_a_limit_that_cannot_be_is_named(limits: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named.replace(".", r"\.")):
        Config.from_mapping(settings(limits=limits))


def test_a_limit_that_is_given_is_taken() -> None:
    assert Config.from_mapping(settings(limits=SMALL)).limits == Limits(**SMALL)


async def test_a_full_store_is_503_and_drops_nothing_that_lives() -> None:
    bank = Bank()
    limits = {"store_octets": 20_000, "octets_per_client": 1_000_000}
    config = Config.from_mapping(settings(limits=limits))
    bank.server = AuthorizationServer(config, clock=bank.clock)
    client = bank.client()
    first = await client.pushed()
    for _ in range(60):
        answer = await client.push(client.request())
        if answer.status_code != 201:
            break
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert await bank.server.core.records.read("request", first) is not None
    bank.clock.advance(10_000)
    assert (await client.push(client.request())).status_code == 201
