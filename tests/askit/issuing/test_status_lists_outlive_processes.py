"""A status list after kill -9 of the server: what had ended is ended, what stood stands, no index is given twice."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fapikit.status_list import INVALID, VALID, StatusList
from tests.askit.plain_client import PlainClient, read_callback
from tests.askit.processes import free_port, prepare, serving
from tests.keys import claims_of

pytestmark = pytest.mark.anyio


async def tokens_of(client: PlainClient) -> dict[str, str]:
    asked = await client.authorize(await client.pushed(scope="openid accounts"))
    return dict((await client.redeem(read_callback(asked)["code"])).json())


async def entry_of(http: httpx.AsyncClient, token: str) -> tuple[str, int, int]:
    """The list, the index in it, and the status."""
    reference = claims_of(token)["status"]["status_list"]
    answer = await http.get(urlsplit(reference["uri"]).path)
    assert answer.status_code == 200, answer.text
    listed = StatusList.read(claims_of(answer.text)["status_list"])
    return reference["uri"], reference["idx"], listed.status(reference["idx"])


@pytest.mark.spec("TSL 7.1", "TSL 13.2", "TSL 13.3")
@pytest.mark.parametrize("store", ["sqlite", "valkey"])
async def test_a_status_list_outlives_kill_9(
    tmp_path: Path, request: pytest.FixtureRequest, store: str
) -> None:
    url = "sqlite:///bank.db" if store == "sqlite" else request.getfixturevalue("valkey_url")
    port = free_port()
    issuer = prepare(tmp_path, store=url, port=port)
    toml = tmp_path / "bank.toml"
    toml.write_text(f"status_list_ttl = 1\n{toml.read_text()}")
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            client = process.client(http)
            before = [await tokens_of(client) for _ in range(5)]
            for ended in (before[0]["access_token"], before[1]["refresh_token"]):
                form = {"token": ended, **client.authentication()}
                assert (await client.post("/revoke", form)).status_code == 200
            process.kill()

    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            entries = [await entry_of(http, each["access_token"]) for each in before]
            assert [status for *_, status in entries] == [INVALID, INVALID, VALID, VALID, VALID]
            after = await entry_of(http, (await tokens_of(process.client(http)))["access_token"])
            assert after[:2] not in [entry[:2] for entry in entries]
            assert after[2] == VALID
