"""The client file of a command. One that nobody named may be somebody else's: what it can do is limited.

It lies in the working directory, so it may have come with a repository or lie in a folder of many users. It names files
that are sent to a server that it names too. So it must be the user's own, and its files must be in its folder.

Role: RP
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Final

from fapikit_cli.client_file import FROM_ENVIRONMENT, ClientFile, find_client_file, read_client_file
from fapikit_cli.failing import WrongUsage
from fapikit_cli.printing import tell

_OF_SECRETS: Final = ("key", "certificate", "certificate_key", "client_secret", "seal")


def client_file_of(named: Path | None) -> ClientFile:
    """The client file that `--client` or the environment names; else that of the working directory, which is told.

    Raises WrongUsage, OSError.
    """
    path = find_client_file(named)
    if named is not None or os.environ.get(FROM_ENVIRONMENT):
        return read_client_file(path)
    with path.open("rb") as opened:  # what is judged is what is read, whoever changes the folder meanwhile
        _require_own(path, os.fstat(opened.fileno()))
        file = read_client_file(path, opened.read())
    for setting, outside in files_outside(file).items():
        raise WrongUsage(
            f"{path} is in this folder, nobody named it, and its {setting} is outside of the folder: {outside}."
            " It was not read",
            f"if you have written this file yourself, name it: --client {shlex.quote(str(path))}. Otherwise do not"
            " use it: it would send your secret to a server that it names",
        )
    tell(f"{file.client_id} at {file.issuer}, by {path} in this folder", style="faint")
    return file


def files_outside(file: ClientFile) -> dict[str, Path]:
    """The files with secrets that are not in the folder of the client file, or below it, by their settings."""
    folder = file.path.parent.resolve()
    named = {setting: getattr(file, setting) for setting in _OF_SECRETS}
    named |= {"tokens": file.token_file, "registration": file.registration_file}
    return {
        setting: path
        for setting, path in named.items()
        if path is not None and not path.resolve().is_relative_to(folder)
    }


def _require_own(path: Path, opened: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    for found in (path.lstat(), opened):
        if found.st_uid != os.geteuid():
            raise WrongUsage(
                f"{path} is in this folder, and belongs to another user of this machine. It was not used",
                f"if you trust what is in it, name it: --client {shlex.quote(str(path))}",
            )
    if opened.st_mode & stat.S_IWOTH:
        raise WrongUsage(
            f"{path} can be changed by every user of this machine. It was not used",
            f"chmod o-w {shlex.quote(str(path))}, and look at what is in it",
        )
