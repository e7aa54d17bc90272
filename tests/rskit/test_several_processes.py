"""Nonces and replay marks that each process keeps to itself: refused where it can be known that there are several."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from werkzeug.test import Client

import asgi_mw
import wsgi_mw
from fapikit import MemoryStore
from fapikit.dpop import NonceIssuer
from fapikit.errors import ConfigurationError
from rskit.policy.processes import declared_workers
from tests.rskit.mothers import a_proof, a_server, a_view, bound_token
from tests.rskit.skins import flask_app

KEY = b"k" * 32
UNSAFE: list[dict[str, Any]] = [
    {"nonces": False},
    {"nonces": False, "store": None},
    {"nonces": KEY, "store": MemoryStore()},
    {},
    {"nonces": True, "store": None},
    {"nonces": True, "profile": "oauth-2.1"},
    {"require_bound": True, "profile": "oauth-2.1"},
    {"require_bound": True, "nonces": False, "profile": "oauth-2.1"},
]


class SharedStore:
    """Stands for one that processes share."""

    def __getattr__(self, name: str) -> Any:
        return getattr(STORE, name)


STORE = MemoryStore()
SAFE: list[dict[str, Any]] = [
    {"nonces": KEY, "store": SharedStore()},
    {"nonces": False, "store": SharedStore()},
    {"nonces": False, "bindings": ["mtls"]},
    {"nonces": False, "profile": "oauth-2.1"},
    {"nonces": KEY, "store": None, "profile": "oauth-2.1"},
]


def fapi(settings: dict[str, Any]) -> Any:
    return a_server(**{"profile": "fapi2-security", **settings})


def get(settings: dict[str, Any], path: str, *, several: bool) -> Any:
    app = flask_app({"/health": {"public": True}})
    protected = wsgi_mw.Protect(app.wsgi_app, fapi(settings))
    return Client(protected).get(path, environ_overrides={"wsgi.multiprocess": several})


@pytest.mark.spec("RFC 9449 11.1b")
@pytest.mark.parametrize("settings", UNSAFE, ids=repr)
def test_several_processes_that_would_each_take_a_proof_answer_nothing(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    assert get(settings, "/health", several=False).status_code == 200
    caplog.clear()
    answer = get(settings, "/health", several=True)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "give ResourceServer one store= and one nonces= key" in caplog.text
    assert get(settings, "/.well-known/oauth-protected-resource", several=True).status_code == 200


@pytest.mark.parametrize("number", range(len(SAFE)))
def test_what_is_safe_in_several_processes_answers(number: int):
    assert get(SAFE[number], "/health", several=True).status_code == 200


@pytest.mark.spec("RFC 9449 11.1b")
def test_a_nonce_key_for_several_processes_needs_a_store_for_them_too():
    for nonces in (KEY, NonceIssuer((KEY,))):
        with pytest.raises(ConfigurationError, match="set store= to a store that they share"):
            fapi({"nonces": nonces, "store": None})


@pytest.mark.parametrize(
    ("command", "environ", "expected"),
    [
        (["/usr/bin/uvicorn", "bank:app", "--workers", "4"], {}, 4),
        (["/x/uvicorn/__main__.py", "bank:app", "--workers=4"], {}, 4),
        (["uvicorn", "bank:app"], {"WEB_CONCURRENCY": "3"}, 3),
        (["uvicorn", "bank:app", "--workers", "1"], {"WEB_CONCURRENCY": "3"}, 1),
        (["uvicorn", "bank:app", "--workers", "4", "--reload"], {}, 1),
        (["uvicorn", "bank:app", "-w", "4"], {}, 1),
        (["gunicorn", "-w", "4", "bank:app"], {}, 4),
        (["gunicorn", "-w4", "bank:app", "--reload"], {}, 4),
        (["gunicorn", "bank:app"], {"GUNICORN_CMD_ARGS": "--bind=:80 --workers=2"}, 2),
        (["hypercorn", "-w", "2", "bank:app"], {"WEB_CONCURRENCY": "8"}, 2),
        (["granian", "--workers", "2", "bank:app"], {}, 2),
        (["fastapi", "run", "--workers", "2"], {}, 2),
        (["gunicorn", "bank:app"], {}, 1),
        (["gunicorn", "bank:app", "--workers", "many"], {}, 1),
        (["celery", "--workers", "4"], {"WEB_CONCURRENCY": "4"}, 1),
        ([], {}, 1),
    ],
)
def test_workers_are_counted_as_the_server_was_told(
    command: list[str], environ: dict[str, str], expected: int
):
    assert declared_workers(command, environ) == expected


@pytest.mark.spec("RFC 9449 9")
@pytest.mark.parametrize("protect", [asgi_mw.Protect, wsgi_mw.Protect])
def test_what_one_process_must_answer_is_not_put_around_an_app_of_several(
    protect: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "argv", ["gunicorn", "-w", "2", "bank:app"])
    with pytest.raises(ConfigurationError, match="start one worker"):
        protect(lambda: None, fapi({}))
    protect(lambda: None, fapi({"nonces": KEY, "store": SharedStore()}))
    monkeypatch.setattr(sys, "argv", ["gunicorn", "bank:app"])
    protect(lambda: None, fapi({}))


def serve(workers: int) -> uvicorn.Server:
    """Until it has started, or refuses to."""
    app = asgi_mw.Protect(Starlette(), fapi({}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, workers=workers, log_config=None))

    async def end_when_started() -> None:
        while not server.started:
            await asyncio.sleep(0.01)
        server.should_exit = True

    async def run() -> None:
        ending = asyncio.create_task(end_when_started())
        await server.serve()
        await ending

    asyncio.run(run())
    return server


@pytest.mark.spec("RFC 9449 9")
def test_a_uvicorn_of_several_workers_does_not_start(caplog: pytest.LogCaptureFixture):
    assert serve(workers=1).started
    assert "start one worker" not in caplog.text
    with pytest.raises(SystemExit):
        serve(workers=2)
    assert "start one worker" in caplog.text


APP = """
import flask
from tests.rskit.mothers import a_server
from wsgi_mw import Protect
app = Protect(flask.Flask("bank"), a_server(profile="fapi2-security"))
"""


def test_a_gunicorn_of_several_workers_ends_and_says_why(tmp_path: Path):
    (tmp_path / "bank_of_several.py").write_text(APP)
    command = [*(sys.executable, "-m", "gunicorn", "bank_of_several:app", "-w", "2", "-b", "127.0.0.1:0")]
    path = [str(tmp_path), str(Path(__file__).parents[2])]
    ended = subprocess.run(
        [*command, "--no-control-socket"],
        env={"PYTHONPATH": ":".join(path)},
        capture_output=True,
        timeout=60,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "start one worker" in ended.stderr


@pytest.mark.spec("RFC 9449 8")
def test_refusals_for_a_nonce_are_counted_by_what_was_sent(caplog: pytest.LogCaptureFixture):
    server = fapi({})
    assert server.nonces is not None
    token = bound_token()
    now = server.clock()
    others = NonceIssuer((KEY,)).issue(now)
    for nonce in (None, server.nonces.issue(now - 3600), others, others, server.nonces.issue(now)):
        proof = a_proof(token, **({} if nonce is None else {"nonce": nonce}))
        server.check(a_view(f"DPoP {token}", dpop=(proof,)))
    counted = server.nonce_refusals
    assert (counted.none, counted.too_old, counted.of_others, counted.total) == (1, 1, 2, 4)
    assert "set one nonces= key" not in caplog.text
    for _ in range(98):
        server.check(a_view(f"DPoP {token}", dpop=(a_proof(token, nonce=others),)))
    assert caplog.text.count("100 proofs came with nonces that this process did not make") == 1
