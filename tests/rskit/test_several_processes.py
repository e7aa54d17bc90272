"""Replay marks that each process keeps to itself: refused under FAPI where it can be known that there are several."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

import wsgi_mw
from fapikit import MemoryStore
from fapikit.dpop import NonceIssuer
from fapikit.errors import ConfigurationError
from tests.rskit.mothers import a_server
from tests.rskit.skins import flask_app

KEY = b"k" * 32
UNSAFE: list[dict[str, Any]] = [
    {"nonces": False},
    {"nonces": False, "store": None},
    {"nonces": KEY, "store": MemoryStore()},
]


class SharedStore:
    """Stands for one that processes share."""

    def __getattr__(self, name: str) -> Any:
        return getattr(STORE, name)


STORE = MemoryStore()
SAFE: list[dict[str, Any]] = [
    {},
    {"nonces": True, "store": None},
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
@pytest.mark.parametrize("settings", UNSAFE, ids=["nonces=False", "no store", "a nonce key"])
def test_several_processes_that_would_each_take_a_proof_answer_nothing(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    assert get(settings, "/health", several=False).status_code == 200
    caplog.clear()
    answer = get(settings, "/health", several=True)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "give store= one that they share" in caplog.text
    assert get(settings, "/.well-known/oauth-protected-resource", several=True).status_code == 200


@pytest.mark.parametrize("number", range(len(SAFE)))
def test_what_is_safe_in_several_processes_answers(number: int):
    assert get(SAFE[number], "/health", several=True).status_code == 200


@pytest.mark.spec("RFC 9449 11.1b")
def test_a_nonce_key_for_several_processes_needs_a_store_for_them_too():
    for nonces in (KEY, NonceIssuer((KEY,))):
        with pytest.raises(ConfigurationError, match="give both, or neither"):
            fapi({"nonces": nonces, "store": None})
