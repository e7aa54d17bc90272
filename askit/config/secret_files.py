"""Which files of the settings hold a secret that every user of the machine may read.

Spec: RFC 6749 10.1; RFC 7517 9.2
Role: AS
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fapikit import strict_json

_FILES: Final = (
    ("store_seal_file",),
    ("pairwise_salt_file",),
    ("signing", "jwks_file"),
    ("tls", "key"),
)
_SECRETS: Final = frozenset({"password", "pin", "user_code", "client_secret", "initial_access_token"})


def readable_by_everybody(path: Path) -> list[str]:
    """A warning for each such file, with what to do. `path`: a configuration file that was read already.

    It is a warning and no refusal: in a container, where there is one user, a mounted file often has the mode 0644. A
    group may read a file: it is that of the server, or of an agent that brings new certificates.
    """
    if os.name != "posix":
        return []
    return [
        f"{setting}: {file} holds a secret and has the mode {_mode(file):04o}, so every user of this machine may read"
        f" it: chmod 600 {file}"
        for setting, file in _with_secrets(path)
        if file.is_file() and _mode(file) & stat.S_IROTH and _everybody_enters(file)
    ]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _everybody_enters(file: Path) -> bool:
    return all(_mode(folder) & stat.S_IXOTH for folder in file.resolve().parents)


def _with_secrets(path: Path) -> Iterator[tuple[str, Path]]:
    members = tomllib.loads(path.read_text("utf-8"))
    if _has_secret(members):
        yield "the configuration", path
    clients = _at(members, ("clients_file",))
    if clients is not None and _has_secret(strict_json.parse_value((path.parent / clients).read_bytes())):
        yield "clients_file", path.parent / clients
    for setting in _FILES:
        if (file := _at(members, setting)) is not None:
            yield ".".join(setting), path.parent / file


def _at(members: Any, setting: tuple[str, ...]) -> Any:
    for name in setting:
        members = members.get(name) if isinstance(members, Mapping) else None
    return members


def _has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return not _SECRETS.isdisjoint(value) or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))
