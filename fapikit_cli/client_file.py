"""The file that says who the client is and at which server, so that nobody types it for each command.

There is no secret in it: it names the files in which secrets are. Their paths are relative to this file.

Role: RP
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from fapikit_cli.failing import WrongUsage
from fapikit_cli.toml_text import toml_text

CLIENT_FILE: Final = "fapikit-client.toml"
REGISTRATION_FILE: Final = "fapikit-registration.json"
FROM_ENVIRONMENT: Final = "FAPIKIT_CLIENT"
_COMMENT: Final = (
    "Who this client is, for the command fapikit. No secret is in here: only the paths of files."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFile:
    """The settings, with absolute paths. `options`: further keyword arguments of `rpkit.Client.discover`.

    `api`: the resource identifier of the API, for which tokens are requested; the command `call` takes paths below it.
    `tokens`: where tokens are kept. `seal`: a file with 32 octets or more that seals them.
    """

    path: Path
    issuer: str
    client_id: str
    profile: str = "fapi2-security"
    auth: str = "private_key_jwt"
    key: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    client_secret: Path | None = None
    sender_constraint: str | None = None
    ca: Path | None = None
    scope: str = "openid"
    api: str | None = None
    redirect_path: str = "/callback"
    redirect_port: int = 0
    redirect_uri: str | None = None
    tokens: Path | None = None
    seal: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def token_file(self) -> Path:
        return self.tokens or self.path.with_name("fapikit-tokens.json")

    @property
    def registration_file(self) -> Path:
        """What `fapikit register` keeps, if it has made this client."""
        return self.path.with_name(REGISTRATION_FILE)

    def write(self) -> None:
        """Write the file, without the settings that have their default value."""
        settings: dict[str, Any] = {}
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name != "path" and not _is_default(setting, value):
                settings[setting.name] = self._relative(value) if isinstance(value, Path) else value
        self.path.write_text(toml_text(settings, comment=_COMMENT))

    def _relative(self, path: Path) -> str:
        folder = self.path.parent
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def find_client_file(named: Path | None) -> Path:
    """`named`, or that in the environment, or that in the working directory. Raises WrongUsage if there is none."""
    found = named or Path(os.environ.get(FROM_ENVIRONMENT) or CLIENT_FILE)
    if not found.is_file():
        raise WrongUsage(
            f"there is no client file {found}",
            f"give --client FILE, set {FROM_ENVIRONMENT}, or go to the folder that has {CLIENT_FILE}. `fapikit askit`"
            " makes a bank with such a file, and `fapikit register ISSUER` registers a client and writes one",
        )
    return found


def read_client_file(path: Path, octets: bytes | None = None) -> ClientFile:
    """`octets`: what is in it, if it was read before. Raises WrongUsage, which names the setting; OSError."""
    try:
        settings = tomllib.loads((path.read_bytes() if octets is None else octets).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} is not TOML: {error}", "correct the file") from error
    known = {setting.name: setting for setting in fields(ClientFile) if setting.name != "path"}
    for name in settings:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise WrongUsage(
                f"{path} has the unknown setting {name}",
                f"write {near[0]}" if near else f"the settings are {', '.join(known)}",
            )
    given: dict[str, Any] = {}
    for name, setting in known.items():
        if name in settings:
            given[name] = _read(path, name, str(setting.type), settings[name])
        elif setting.default is MISSING and setting.default_factory is MISSING:
            raise WrongUsage(f"{path} lacks the setting {name}", f"add a line  {name} = ...")
    return ClientFile(path=path.absolute(), **given)


def _read(file: Path, name: str, kind: str, value: Any) -> Any:
    wanted: type = dict if kind.startswith("Mapping") else int if kind == "int" else str
    if not isinstance(value, wanted) or isinstance(value, bool):
        shown = {dict: "a table", int: "a number", str: "a string"}[wanted]
        raise WrongUsage(f"{file}: {name} must be {shown}", "correct the file")
    return file.absolute().parent / str(value) if kind.startswith("Path") else value


def _is_default(setting: Any, value: Any) -> bool:
    if setting.default_factory is not MISSING:
        return not value
    return bool(value == setting.default)
