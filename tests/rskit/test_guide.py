"""The code of docs/resource-server.md, run from top to bottom in one namespace; then the apps it made are called."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.test import Client

from rskit.testing import Mint
from tests.keys import a_key

GUIDE = (Path(__file__).parents[2] / "docs" / "resource-server.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
RESOURCE = "https://api.example"


@pytest.fixture(scope="module")
def after_reading(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    store = tmp_path_factory.mktemp("guide") / "marks.db"
    names: dict[str, Any] = {
        "ISSUER": "https://as.example",
        "RESOURCE": RESOURCE,
        "key": a_key(),
        "nonce_key": b"k" * 32,
        "store_url": f"sqlite:///{store}",
    }
    for block in BLOCKS:
        exec(compile(block, "docs/resource-server.md", "exec"), names)
    return names


def test_there_is_something_to_run():
    assert len(BLOCKS) >= 9


def test_the_apps_of_the_guide_refuse_strangers(after_reading: dict[str, Any]):
    async def statuses() -> list[int]:
        transport = httpx.ASGITransport(app=after_reading["app"])
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return [(await client.get(path)).status_code for path in ("/notes", "/openapi.json")]

    assert asyncio.run(statuses()) == [401, 401]
    assert Client(after_reading["api"]).post("/payments", json={}).status_code == 401


def test_the_mint_of_the_guide_makes_headers_that_pass(after_reading: dict[str, Any]):
    mint = after_reading["mint"]
    assert isinstance(mint, Mint)
    assert set(after_reading["headers"]) == {"Authorization", "DPoP"}
    policies = [str(route.policy) for route in after_reading["audit"](after_reading["api"])]
    assert "Access('payments', details=..., fresh=True)" in policies
