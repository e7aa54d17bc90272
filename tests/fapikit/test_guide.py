"""The code of docs/stores-and-keys.md, run from top to bottom in one namespace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fapikit import PrivateKey, PrivateKeyJWT, Seal, SealedStore
from rpkit import Client
from tests.keys import a_key
from tests.mothers.fake_bank import CLIENT_ID, FakeBank
from tests.pages.blocks import read_page

BLOCKS = read_page("docs/stores-and-keys.md").in_language("python")


def test_every_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake = FakeBank()
    names: dict[str, Any] = {
        "newest_key": b"n" * 32,
        "older_key": b"o" * 32,
        "bank": Client.discover(
            fake.issuer, client_id=CLIENT_ID, auth=PrivateKeyJWT(a_key()), http=fake.http()
        ),
    }
    later = datetime.now(UTC) + timedelta(days=60)
    for block in BLOCKS:
        exec(block.replace("date(2027, 3, 31)", f"date.fromordinal({later.toordinal()})"), names)
    store, cookie = names["store"], names["cookie"]
    assert isinstance(store, SealedStore)
    store.close()
    assert Seal([b"n" * 32]).open_text(cookie, "login-cookie") == b"..."
    assert isinstance(names["key"], PrivateKey)
    assert names["registered"]["keys"][0]["kid"] == names["key"].kid
    assert names["lacking"][0].clause == "FAPI2-SP 5.3.2.1-6"
    assert "FAPI2-SP" in capsys.readouterr().out
