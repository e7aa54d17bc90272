"""Serves the bank and its API in one process: the bank in the main thread, which gets the signals.

Spec: FAPI2-SP 5.2.1-1
Role: AS, RS
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn

from asgi_mw.uvicorn_tls import HttpProtocol
from askit.__main__ import uvicorn_config
from askit.config.settings import Config
from askit.server import AuthorizationServer
from askit.serving.server import BoundedServer
from fapikit import HttpSettings, server_context
from fapikit.io.tls import ask_for_client_certificates, read_certificates
from fapikit.profiles import profile_of
from fapikit.urls import origin_of
from fapikit_cli.bank.api import make_api
from fapikit_cli.bank.folder import BankFolder
from fapikit_cli.failing import WrongUsage
from fapikit_cli.recordings import require_recording
from fapikit_viewer import Party, Recorder, Recording

_GOODBYE: Final = 5.0


class _Bank(BoundedServer):
    """Starts the API once it listens: the API fetches the keys of the bank."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


class _Api(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


def serve(
    folder: BankFolder,
    sockets: tuple[socket.socket, socket.socket | None],
    on_ready: Callable[[], None],
    *,
    record: Path | None = None,
) -> bool:
    """Serve until a signal ends it. `sockets`: of the bank and of the API. `on_ready`: called when both answer.

    Without a socket for the API there is none: an API of somebody else stands at its address.

    `record`: where the messages are recorded that they receive. All keys are throw-away, so nothing is masked.

    Returns whether the bank started. Raises FapiError for a folder that was changed so that it cannot work.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    config = Config.load(folder.settings)
    bank_config = uvicorn_config(AuthorizationServer(config))
    http = HttpSettings(ca=folder.ca)
    if record is None:
        api_config = _api_config(folder, make_api(folder, http))
    else:
        require_recording(record)
        recording = Recording(record, throwaway_keys=True)
        as_bank = Recorder(recording, Party("bank", "as", config.name, origins=(folder.issuer,)))
        as_api = Recorder(
            recording, Party("api", "rs", "Accounts and payments", origins=(origin_of(folder.api),))
        )
        bank_config.loaded_app = as_bank.asgi(bank_config.loaded_app)
        api_config = _api_config(folder, as_api.asgi(make_api(folder, as_api.http(http))))
    api = _Api(api_config, on_ready)
    at, api_at = sockets
    thread = threading.Thread(target=api.run, args=([api_at],), name="api", daemon=True)
    bank = _Bank(bank_config, thread.start if api_at else on_ready)
    # uvicorn sends the signal that ended it once more. There is a folder to remove then.
    signal.signal(signal.SIGTERM, lambda *_: None)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # The terminal was closed: there is a folder to remove then, too. Under nohup the bank goes on.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt):
        bank.run([at])
    api.should_exit = True
    if thread.is_alive():
        thread.join(_GOODBYE)
    return bank.started


def _api_config(folder: BankFolder, app: Any) -> uvicorn.Config:
    profile = profile_of(folder.profile)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        http=HttpProtocol,
    )
    config.load()
    config.ssl = server_context(folder.path / "server.pem", folder.path / "server.key", profile=profile)
    ask_for_client_certificates(config.ssl, read_certificates(folder.path / "client.pem"))
    return config


@contextmanager
def listening(port: int, option: str) -> Iterator[socket.socket]:
    """A socket on loopback; port 0 is any free one. `option`: that which chooses the port. Raises WrongUsage."""
    # asyncio switches Nagle's algorithm off (40 ms for each new connection) only if the protocol is named.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(("127.0.0.1", port))
        except OSError as error:
            raise WrongUsage(
                f"nothing can listen on port {port} of this machine: {error.strerror}",
                f"end what listens there, or choose another port with {option} (0: any free one)",
            ) from error
        yield made


def port_of(url: str) -> int:
    return urlsplit(url).port or 443
