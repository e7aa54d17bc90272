"""A push outlives kill -9 between the decision and the tokens, on SQLite and Redis: of two processes one sends it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.askit.bank import OTHER
from tests.askit.ciba.asking import APIS, PUSH, TOKEN, Asking
from tests.askit.ciba.test_over_tls import ENDPOINT
from tests.askit.hosting import CA, hosting
from tests.askit.processes import free_port, prepare, serving

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
DIES = """\
    # The first process dies, as by kill -9, when it has stored the decision. Its minute is over at once.
    import os, signal
    from askit.decoupled import decisions, due_notices

    async def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    decisions.deliver_grant = die
    due_notices.OVERDUE_AFTER = 0.0
"""


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    return "sqlite:///bank.db" if request.param == "sqlite" else str(request.getfixturevalue("valkey_url"))


@pytest.mark.spec("CIBA 10.3.1a")
async def test_kill_nine_between_the_decision_and_the_push_loses_nothing(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, second = free_port(), free_port()
    issuer = prepare(tmp_path, store=store, port=port)
    prepare(tmp_path, store=store, port=second, issuer=issuer, name="second.toml")
    (tmp_path / "dies").mkdir()
    (tmp_path / "dies" / "sitecustomize.py").write_text(textwrap.dedent(DIES))
    async with hosting(path="/notified") as web:
        web.status = 204
        clients: list[dict[str, Any]] = [{**PUSH, ENDPOINT: web.uri}, OTHER, *APIS]
        (tmp_path / "clients.json").write_text(json.dumps(clients))
        (tmp_path / "hosts.pem").write_bytes(CA.cert_pem.bytes())
        for name in ("bank.toml", "second.toml"):
            settings = tmp_path / name
            settings.write_text(settings.read_text() + '\n[http]\nca = "hosts.pem"\n')
        with monkeypatch.context() as patched:
            patched.setenv("PYTHONPATH", f"{tmp_path / 'dies'}:{ROOT}")
            with serving(tmp_path, issuer, port) as dying:
                async with dying.http() as http:
                    fintech = Asking(dying.client(http))
                    auth_req_id = await fintech.started(client_notification_token=TOKEN, proof=True)
                assert dying.process.wait(10) == -9
        assert web.requests == []
        with serving(tmp_path, issuer, port) as one, serving(tmp_path, issuer, second, "second.toml"):
            await web.heard()
            (request,) = web.requests
            body = json.loads(request.content)
            async with one.http() as http:
                refreshed = await one.client(http).refresh(body["refresh_token"])
        assert refreshed.status_code == 200, refreshed.text
    assert body["auth_req_id"] == auth_req_id
    assert len(web.requests) == 1
