"""`python -m askit --config bank.toml`: serves one issuer over TLS, with the cipher suites of the profile only.

When it listens it writes one JSON line to stdout. Everything else goes to stderr.

Spec: FAPI2-SP 5.2.1-1, 5.2.2-1; RFC 9325 4.2
Role: AS
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from askit.missing_extra import needs_extra
from fapikit.clauses import clause_in_force
from fapikit.errors import ConfigurationError, FapiError
from fapikit.urls import is_loopback_host, origin_of

with needs_extra():
    import uvicorn

    from askit.config.secret_files import readable_by_everybody
    from askit.config.settings import Config
    from askit.log_budget import LogBudget
    from askit.server import AuthorizationServer
    from askit.serving.handshake import Handshake
    from askit.serving.listener import Listener
    from askit.serving.server import ACCEPTED_AT_ONCE, BoundedServer


class ReadyServer(BoundedServer):
    """Writes to stdout when it listens."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, Any]) -> None:
        super().__init__(config)
        self._ready = ready

    def _log_started_message(self, listeners: Sequence[socket.SocketType]) -> None:
        """Overrides uvicorn's message, which does not mention TLS."""
        for listening in listeners:
            logging.getLogger("askit").info("listening on %s, for TLS", listening.getsockname())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(json.dumps(self._ready) + "\n")
            sys.stdout.flush()


def uvicorn_config(app: AuthorizationServer) -> uvicorn.Config:
    """uvicorn for this server: own TLS, own HTTP, own limits, no trust in proxy headers. Raises ConfigurationError."""
    config = app.config
    if config.tls is None:
        raise ConfigurationError(
            "[tls] is missing: this server needs a certificate",
            clause=clause_in_force("FAPI2-SP 5.2.1-1", config.profile),
        )
    core = app.core
    try:
        handshake = Handshake(config.tls, config.profile, asks=core.certificates.asks, log=core.log)
    except ConfigurationError as error:
        raise ConfigurationError(f"tls: {error.message}", clause=error.clause) from error
    if core.certificates.asks:
        core.shown_certificates.attach(handshake.trust)
    host, port = config.address
    serving = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Listener(handshake, config.limits, proxies=config.trusted_proxies),  # type: ignore[arg-type]
        ws="none",
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=config.limits.idle_seconds,  # type: ignore[arg-type]
        timeout_graceful_shutdown=1,  # otherwise an idle TLS peer would delay the exit by half a minute
        server_header=False,
        lifespan="on",
    )
    serving.load()
    return serving


def unreachable_issuer(config: Config) -> str | None:
    """A warning if the issuer is on this machine, but has another port than `listen`."""
    issuer, (_, port) = urlsplit(config.issuer), config.address
    if not is_loopback_host(issuer.hostname) or (issuer.port or 443) == port:
        return None
    return (
        f"issuer = {config.issuer}, but listen = {config.listen}: clients reach this server only if a proxy forwards "
        "the issuer's port to it"
    )


def _record(serving: uvicorn.Config, config: Config, file: str, *, name: str) -> None:
    """Record what the server receives and answers. In the viewer it has the name of its configuration file."""
    from fapikit_viewer import Party, Recorder, Recording

    bank = Party(name, "as", config.name, (origin_of(config.issuer),))
    serving.loaded_app = Recorder(Recording(file), bank).asgi(serving.loaded_app)
    logging.getLogger("askit").warning(
        "every message is recorded in %s: leave --record out in production", file
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="askit", description="An authorization server for FAPI.")
    parser.add_argument("--config", required=True, help="the configuration file (TOML)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument(
        "--record", metavar="FILE", help="for development: record every message for the flow viewer"
    )
    options = parser.parse_args(arguments)
    ours = logging.StreamHandler(sys.stderr)
    logging.basicConfig(
        handlers=[ours],
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs whole URLs
    try:
        config = Config.load(options.config)
        # Only on this handler. Other handlers of this process are not ours to limit.
        ours.addFilter(LogBudget(config.limits.log_lines_per_second, config.limits.log_line_octets))
        if (worry := unreachable_issuer(config)) is not None:
            logging.getLogger("askit").warning(worry)
        for worry in readable_by_everybody(Path(options.config)):
            logging.getLogger("askit").warning(worry)
        app = AuthorizationServer(config)
        serving = uvicorn_config(app)
        if options.record is not None:
            _record(serving, config, options.record, name=Path(options.config).stem)
    except FapiError as error:
        sys.stderr.write(f"askit: {error}\n")
        return 2
    server = ReadyServer(serving, {"issuer": config.issuer, "pid": os.getpid()})
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
