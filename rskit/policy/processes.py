"""How many processes the server was asked to start, read from its command line and the environment.

Spec: RFC 9449 9, 11.1b
Role: RS
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from fapikit.errors import ConfigurationError
from rskit.health import several_processes
from rskit.resource_server import ResourceServer

_SERVERS: Final = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "fastapi"})
_READ_WEB_CONCURRENCY: Final = frozenset({"uvicorn", "gunicorn", "fastapi"})
_SHORT: Final = frozenset({"gunicorn", "hypercorn"})
"""The servers for which -w is the short form of --workers."""
_OPTION: Final = re.compile(r"(--workers|-w)(?:=?(\d+))?")


def require_known_processes(server: ResourceServer) -> None:
    """Raises ConfigurationError if several workers are started, but the configuration works only in one process."""
    if server.one_process and declared_workers(sys.argv, os.environ) > 1:
        raise several_processes()


def declared_workers(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """How many workers uvicorn, gunicorn, hypercorn, granian or fastapi was asked to start; 1 if nothing says."""
    server = _name(command)
    if server not in _SERVERS:
        return 1
    options = list(command[1:])
    if "--reload" in options and server in (
        "uvicorn",
        "fastapi",
    ):  # then they start one worker, whatever their other options
        return 1
    if server == "gunicorn":
        options = [*shlex.split(environ.get("GUNICORN_CMD_ARGS", "")), *options]
    told = environ.get("WEB_CONCURRENCY", "") if server in _READ_WEB_CONCURRENCY else ""
    for option, following in zip(options, [*options[1:], ""], strict=True):
        found = _OPTION.fullmatch(option)
        if found is not None and (found[1] == "--workers" or server in _SHORT):
            told = found[2] or following
    return int(told) if told.isdecimal() else 1


def refusal_under_uvicorn(server: ResourceServer, receive: Any) -> ConfigurationError | None:
    """The error that stops the start-up of a worker, if there are several. `receive` is uvicorn's own and knows its
    configuration. The `receive` of another server, or of a layer around it, tells nothing."""
    config = getattr(getattr(receive, "__self__", None), "config", None)
    workers = getattr(config, "workers", 1)
    is_one_of_several = isinstance(workers, int) and workers > 1 and not getattr(config, "reload", False)
    return several_processes() if server.one_process and is_one_of_several else None


def _name(command: Sequence[str]) -> str:
    """The server's name: `uvicorn` for /usr/bin/uvicorn, uvicorn.exe and .../uvicorn/__main__.py."""
    path = PurePath(command[0]) if command else PurePath()
    return path.parent.name if path.name == "__main__.py" else path.stem
