"""Who acts in a command, with which tokens, and how the next command names the same again.

Role: RP
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from fapikit_cli.client_file import ClientFile
from fapikit_cli.connecting import connected, seal_of
from fapikit_cli.picked_up import client_file_of
from fapikit_cli.token_file import TokenFile
from rpkit import Client, TokenSet


@dataclass(frozen=True, slots=True)
class Acting:
    """`client`: what `--client` named. `typed`: the options that a next command needs too."""

    file: ClientFile
    tokens: TokenFile
    client: Path | None
    typed: str

    @classmethod
    def by(cls, client: Path | None, tokens: Path | None = None) -> Self:
        """As `--client` and `--tokens` say, or without them the client file. Raises WrongUsage, OSError."""
        file = client_file_of(client)
        typed = _options(client, tokens)
        return cls(file, _kept(file, tokens or file.token_file, typed), client, typed)

    def keeping_in(self, keep: Path) -> Self:
        """The same client, with tokens of its own in another file. Raises WrongUsage where none can be written."""
        typed = _options(self.client, keep)
        kept = replace(self, tokens=_kept(self.file, keep, typed), typed=typed)
        kept.tokens.require_place()
        return kept

    def next(self, command: str) -> str:
        """What to type next, such as `fapikit login --client other.toml`."""
        return f"fapikit {command}{self.typed}"

    def next_for_more(self, held: TokenSet, options: str = "") -> str:
        """The command that gets such tokens once more: a login, or for a token of the client itself no user."""
        is_own = held.subject is None and held.refresh_token is None
        if is_own and self.tokens.path != self.file.token_file:
            keep = f" --keep {shlex.quote(str(self.tokens.path))}{_options(self.client, None)}"
            return f"fapikit token client-credentials{options}{keep}"
        return self.next(f"login{options}")

    @contextmanager
    def connected(self, record: Path | None = None) -> Iterator[Client]:
        """The client, whose metadata are fetched now. Raises WrongUsage, FapiError."""
        with connected(self.file, self.tokens, record) as client:
            yield client


def _options(client: Path | None, tokens: Path | None) -> str:
    given = (("--client", client), ("--tokens", tokens))
    return "".join(f" {name} {shlex.quote(str(path))}" for name, path in given if path is not None)


def _kept(file: ClientFile, path: Path, typed: str) -> TokenFile:
    return TokenFile(path, seal_of(file), sign_in=f"fapikit login{typed}")
