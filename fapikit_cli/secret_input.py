"""The one way to take a secret: from a file, from stdin, from an environment variable, or typed without echo.

The value of a secret is never an argument: other users of the machine see arguments, and the shell keeps them.

Spec: RFC 6749 10.1
Role: RP, RS, AS
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fapikit_cli.failing import WrongUsage
from fapikit_cli.private_files import read_private

if TYPE_CHECKING:
    from fapikit.secrets import Concealed

SOURCES: Final = "a file, - for stdin, env:NAME for an environment variable, or ask to type it without echo"
IN_SHORT: Final = "FILE, -, env:NAME or ask"
"""The same for the help of an option."""
_MOST_OCTETS: Final = 1024 * 1024


def read_secret(source: str, what: str, *, others_may_read: bool = False) -> Concealed[str]:
    """The secret that `source` names: FILE, `-`, `env:NAME` or `ask`. White space at its ends is removed.

    `what`: its name for people, such as "the client secret". `others_may_read`: it may be no secret, so its file may
    have any mode. Raises WrongUsage; OSError for a file.
    """
    from fapikit.secrets import Concealed

    secret = Concealed(_read(source, what, others_may_read=others_may_read).strip())
    if not secret.reveal():
        raise WrongUsage(f"{what} is empty, read from {source}", f"give {SOURCES}")
    return secret


def read_token(source: str, what: str) -> Concealed[str]:
    """The same for a token, which is one word. So a file of tokens, with the key in it, is never sent as a token."""
    secret = read_secret(source, what)
    if secret.reveal().startswith("{") or len(secret.reveal().split()) != 1:
        raise WrongUsage(
            f"what is read from {source} is not {what} alone: it is JSON, or more than one word. It was not sent",
            "give the token alone",
        )
    return secret


def _read(source: str, what: str, *, others_may_read: bool) -> str:
    if source == "ask":
        if not sys.stdin.isatty():
            raise WrongUsage(f"{what} cannot be asked for: stdin is no terminal", f"give {SOURCES}")
        return getpass.getpass(f"{what}: ", stream=sys.stderr)
    if source.startswith("env:"):
        value = os.environ.get(source.removeprefix("env:"))
        if value is None:
            raise WrongUsage(
                f"the environment variable {source.removeprefix('env:')} is not set", f"give {SOURCES}"
            )
        return value
    try:
        if source == "-":
            octets = sys.stdin.buffer.read(_MOST_OCTETS + 1)
        else:
            octets = _read_file(Path(source), what, others_may_read=others_may_read)
        if len(octets) > _MOST_OCTETS:
            raise WrongUsage(f"{what} is longer than {_MOST_OCTETS} octets", "give the right file")
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsage(
            f"{what} is not text in UTF-8", "give a text file: PEM, JSON, or the secret alone"
        ) from error


def _read_file(path: Path, what: str, *, others_may_read: bool) -> bytes:
    if not path.exists():
        # It may be the secret itself, and this line may be kept in a log.
        named = str(path) if {"/", "."} & {*str(path)} else "of the name that was given"
        raise WrongUsage(f"{what} cannot be read: there is no file {named}", f"give {SOURCES}")
    if not others_may_read:
        return read_private(path, what, most=_MOST_OCTETS + 1)
    with path.open("rb") as file:
        return file.read(_MOST_OCTETS + 1)
