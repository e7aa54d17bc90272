"""nginx in front of an API, a process of its own, in a configuration of `examples/proxies`."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from examples.demo.proxy import nginx_binary

EXAMPLES: Final = Path(__file__).parents[1] / "proxies"
_PATIENCE: Final = 10.0
_AROUND: Final = """\
daemon off;
master_process off;
pid {folder}/nginx-{port}.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    {more}
    {server}
}}
"""


@contextmanager
def nginx(example: str, api: str, *more: str, tls: Path) -> Iterator[str]:
    """During the block it answers at the origin that this yields.

    `api`: the origin that it hands on to. `more`: further lines of the configuration. `tls`: a folder with
    `server.pem` and `server.key`.
    """
    port = _free_port()
    text = (EXAMPLES / example).read_text("utf-8")
    ours = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/tls/": f"{tls}/",
        "http://127.0.0.1:8000": api.replace("localhost", "127.0.0.1"),
    }
    for written, instead in ours.items():
        assert written in text, f"{example} does not say {written!r}"
        text = text.replace(written, instead)
    configuration = tls / f"nginx-{port}.conf"
    configuration.write_text(_AROUND.format(folder=tls, port=port, more="\n    ".join(more), server=text))
    command = [nginx_binary(), "-c", str(configuration), "-p", str(tls)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_for(port, process)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    process.kill()
    raise RuntimeError(f"nginx did not start: {process.communicate()[1]}")
