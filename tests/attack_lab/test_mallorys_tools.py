"""What attacks of the lab need beside servers: a wire that is recorded, a second process, nginx."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import trustme
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from examples.attack_lab.lab import Lab
from examples.attack_lab.second_process import SecondProcess
from examples.attack_lab.wire import SUITE, read, tapped

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
ISSUED = CA.issue_cert("localhost", key_type=trustme.KeyType.RSA)
SECRET = b"nobody else can read this"


def _said_and_recorded(suite: str) -> bytes:
    """A server says a secret by this cipher suite of TLS 1.2. Returns what the key of its certificate gives away."""
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ISSUED.configure_cert(ours)
    CA.configure_trust(theirs)
    theirs.maximum_version = ssl.TLSVersion.TLSv1_2
    theirs.set_ciphers(suite)
    ours.set_ciphers(suite)
    outside = socket.create_server(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as inside:

        def say() -> None:
            connection, _ = inside.accept()
            with ours.wrap_socket(connection, server_side=True) as wrapped:
                wrapped.sendall(SECRET)

        thread = threading.Thread(target=say)
        thread.start()
        address = outside.getsockname()
        with tapped(outside, inside.getsockname()) as wire:
            connection = socket.create_connection(address)
            with theirs.wrap_socket(connection, server_hostname="localhost") as wrapped:
                assert wrapped.recv(1000) == SECRET
            thread.join()
    key = load_pem_private_key(ISSUED.private_key_pem.bytes(), None)
    (recorded,) = wire
    return read(recorded, key)  # type: ignore[arg-type]


def test_a_recorded_connection_is_read_with_the_key_of_the_server() -> None:
    assert _said_and_recorded(SUITE) == SECRET


def test_with_forward_secrecy_that_key_reads_nothing() -> None:
    with pytest.raises((InvalidTag, ValueError)):
        _said_and_recorded(f"ECDHE-RSA-{SUITE}")


def which_process() -> ASGIApp:
    return PlainTextResponse(str(os.getpid()))


def broken() -> ASGIApp:
    raise ValueError("this cannot be served")


@pytest.fixture
def play(lab: Lab) -> Iterator[Lab]:
    with lab.one_play():
        yield lab


def test_what_is_served_elsewhere_is_in_another_process(play: Lab) -> None:
    here, there = play.serve(which_process()), play.serve_elsewhere(which_process)
    assert play.http.get(here).text == str(os.getpid())
    assert play.http.get(there).text not in (str(os.getpid()), "")


def test_a_second_process_that_ends_is_no_silence(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    with closing(SecondProcess(lab.local)) as second, pytest.raises(RuntimeError, match="has ended"):
        second.serve(broken)
    assert "this cannot be served" in capfd.readouterr().err


def test_nginx_that_does_not_start_says_why(play: Lab) -> None:
    with pytest.raises(RuntimeError, match='unknown directive "no_such_thing"'):
        play.nginx("nginx-any-certificate.conf", "https://localhost:1", "no_such_thing on;")
