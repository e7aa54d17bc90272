"""`python -m askit --config bank.toml`, over TLS sockets."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fapikit_viewer import Recording, view_of
from tests.askit.plain_client import read_callback
from tests.askit.processes import Process, free_port, prepare, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    directory, port = tmp_path_factory.mktemp("bank"), free_port()
    recorded = ("--record", str(directory / "flow.jsonl"))
    with serving(
        directory, prepare(directory, store="memory:", port=port), port, options=recorded
    ) as process:
        yield process


def _handshake(process: Process, **settings: object) -> tuple[str, str]:
    context = ssl.create_default_context(cafile=process.directory / "ca.pem")
    for name, value in settings.items():
        if name == "ciphers":
            context.set_ciphers(str(value))
        else:
            setattr(context, name, value)
    with (
        socket.create_connection(("127.0.0.1", process.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        cipher = tls.cipher()
        assert cipher is not None
        return tls.version() or "", cipher[0]


async def test_it_says_when_it_is_ready_and_serves_a_flow(process: Process) -> None:
    assert process.ready == {"issuer": process.issuer, "pid": process.process.pid}
    async with process.http() as http:
        client = process.client(http)
        callback = read_callback(await client.authorize(await client.pushed()))
        assert (await client.redeem(callback["code"])).status_code == 200
    entries = view_of(Recording(process.directory / "flow.jsonl").read_all())["entries"]
    assert {entry["to"] for entry in entries} == {"bank"}
    assert {"POST /par", "GET /authorize", "POST /token"} <= {entry["title"] for entry in entries}
    assert callback["code"] not in (process.directory / "flow.jsonl").read_text()


def test_tls_1_3_is_preferred(process: Process) -> None:
    assert _handshake(process)[0] == "TLSv1.3"


@pytest.mark.spec("FAPI2-SP 5.2.2-1", "RFC 9325 4.2")
@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_the_profiles_suites_are_offered_under_tls_1_2(process: Process, suite: str) -> None:
    assert _handshake(process, ciphers=suite, maximum_version=ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", suite)


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "AES128-GCM-SHA256",
    ],
)
@pytest.mark.spec("FAPI2-SP 5.2.3-2")
def test_no_other_suite_is_offered_under_tls_1_2(process: Process, suite: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _handshake(process, ciphers=suite, maximum_version=ssl.TLSVersion.TLSv1_2)


@pytest.mark.spec("RFC 9325 3.1.1")
def test_tls_1_1_is_refused(process: Process) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", process.port), 5) as raw,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(raw)


def _run(directory: Path, *changes: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    prepare(directory, store="memory:", port=free_port())
    text = (directory / "bank.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (directory / "bank.toml").write_text(text)
    command = [sys.executable, "-m", "askit", "--config", str(directory / "bank.toml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('store = "memory:"', 'stores = "memory:"', "stores"),
        ('listen = "127.0.0.1:', 'listen = "0.0.0.0:', "development_only"),
        ("[tls]", "[tsl]", "tsl"),
        ('key = "server.key"', 'key = "missing.key"', "missing.key"),
        ('store = "memory:"', 'store = "carrier-pigeon:"', "the URL of a store"),
    ],
)
def test_it_refuses_what_it_cannot_be_told(tmp_path: Path, old: str, new: str, named: str) -> None:
    ended = _run(tmp_path, (old, new))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_refuses_to_speak_without_tls(tmp_path: Path) -> None:
    ended = _run(
        tmp_path, ("[tls]\n", ""), ('certificate = "server.pem"\n', ""), ('key = "server.key"\n', "")
    )
    assert ended.returncode == 2
    assert "[tls] is missing" in ended.stderr


def test_a_store_that_does_not_answer_ends_the_start(tmp_path: Path) -> None:
    ended = _run(tmp_path, ('store = "memory:"', f'store = "redis://127.0.0.1:{free_port()}/0"'))
    assert ended.returncode != 0
    assert ended.stdout == ""


async def test_the_log_tells_the_rule_and_no_secret(tmp_path: Path) -> None:
    port = free_port()
    issuer = prepare(tmp_path, store="memory:", port=port)
    with serving(tmp_path, issuer, port, level="debug") as process:
        async with process.http() as http:
            client = process.client(http)
            request_uri = await client.pushed()
            callback = read_callback(await client.authorize(request_uri))
            authentication = client.authentication(aud="https://elsewhere.example.test")
            await client.token(client.code_form(callback["code"]), authentication=authentication)
            tokens = (await client.redeem(callback["code"])).json()
            await client.redeem(callback["code"])
    log = (tmp_path / "bank.toml.log").read_text()
    assert "FAPI2-SP 5.3.2.1-8" in log
    assert "FAPI2-SP 5.3.2.2-9" in log
    secrets = [callback["code"], request_uri, tokens["access_token"], tokens["refresh_token"], "wonderland"]
    secrets += [authentication["client_assertion"], "v" * 43]
    for secret in secrets:
        assert secret not in log
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", log)


def test_the_budget_of_lines_is_of_the_command_s_own_handler_alone(tmp_path: Path) -> None:
    """A test, or a program that calls `main`, has handlers of its own; nothing of theirs is left out."""
    import logging

    from askit.__main__ import main

    before = {handler: list(handler.filters) for handler in logging.getLogger().handlers}
    (tmp_path / "bank.toml").write_text('issuer = "https://localhost:9443"\n')
    assert main(["--config", str(tmp_path / "bank.toml")]) == 2  # there is no [tls]
    for handler, filters in before.items():
        assert handler.filters == filters
