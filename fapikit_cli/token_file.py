"""The tokens of one login in a file of mode 0600, sealed if there is a key. Several commands may run at once.

Spec: RFC 6749 6, 10.3; RFC 9700 4.9.3
Role: RP
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from fapikit.errors import SealBroken
from fapikit.flow import Flow
from fapikit.stores import Seal
from fapikit_cli.failing import WrongUsage
from fapikit_cli.private_files import read_private, write_private
from rpkit import TokenSet
from rpkit.tokens.token_set import TokenKey
from rpkit.tokens.token_store import LOCK_TTL

T = TypeVar("T")

WHAT: Final = "the token file"


class TokenFile:
    """One file with one token set. It is a `TokenKeeper`: a refreshed set is on the disk before it is used.

    `sign_in`: the command that writes it anew.
    """

    def __init__(self, path: Path, seal: Seal | None, *, sign_in: str = "fapikit login") -> None:
        self.path, self._seal, self._sign_in = path, seal, sign_in
        self._lock = path.parent / f"{path.name}.lock"

    def read(self) -> TokenSet | None:
        """The set, or None without a file. Raises WrongUsage if others may read the file; SealBroken."""
        octets = self._octets()
        if octets is None:
            return None
        is_clear = octets.startswith(b"{")
        if is_clear and self._seal is not None:
            raise SealBroken(
                f"{self.path} is not sealed, and there is a seal: sign in again with `{self._sign_in}`"
            )
        if self._seal is None:
            if not is_clear:
                raise SealBroken(
                    f"{self.path} is sealed: set seal in the client file to the file with its key"
                )
            return TokenSet.from_bytes(octets)
        return TokenSet.open(octets.decode("ascii", "replace").strip(), self._seal)

    def require(self) -> TokenSet:
        """Raises WrongUsage without a file."""
        tokens = self.read()
        if tokens is None:
            raise WrongUsage(f"there are no tokens in {self.path}", f"sign in first: {self._sign_in}")
        return tokens

    def require_place(self) -> None:
        """Raises WrongUsage where no file can be written: tokens that were issued already would be lost."""
        folder = self.path.parent
        if self.path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            wrong = (
                f"{self.path} is a folder"
                if self.path.is_dir()
                else f"{folder} is no folder that you may write to"
            )
            raise WrongUsage(
                f"the tokens cannot be kept: {wrong}. Nothing was asked for",
                "make the folder, or name another file",
            )

    def write(self, tokens: TokenSet) -> None:
        octets = tokens.to_bytes() if self._seal is None else tokens.seal(self._seal).encode()
        write_private(self.path, octets + b"\n")

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)

    # What a client calls to keep its tokens. One file has the tokens of one login, under whatever name. Nothing here
    # waits, so no flow yields.

    def load(self, key: TokenKey) -> Flow[TokenSet | None]:  # noqa: ARG002
        return (yield from _done(self.read()))

    def save(self, tokens: TokenSet) -> Flow[None]:
        self.write(tokens)
        yield from _done(None)

    def publish(self, tokens: TokenSet, *, expected: TokenSet | None) -> Flow[bool]:
        held = self.read()
        same = (held and held.to_bytes()) == (expected and expected.to_bytes())
        if same:
            self.write(tokens)
        return (yield from _done(same))

    def forget(self, key: TokenKey, grant: str) -> Flow[None]:  # noqa: ARG002
        held = self.read()
        if held is not None and held.grant == grant:
            self.delete()
        yield from _done(None)

    def lock(self, key: TokenKey, holder: str) -> Flow[bool]:  # noqa: ARG002
        with suppress(FileNotFoundError):
            if time.time() - self._lock.stat().st_mtime > LOCK_TTL:
                self._lock.unlink()
        try:
            os.close(os.open(self._lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return (yield from _done(False))
        return (yield from _done(True))

    def unlock(self, key: TokenKey, holder: str) -> Flow[None]:  # noqa: ARG002
        self._lock.unlink(missing_ok=True)
        yield from _done(None)

    def _octets(self) -> bytes | None:
        try:
            return read_private(self.path, WHAT)
        except FileNotFoundError:
            return None


def _done(result: T) -> Flow[T]:
    """A flow that has its result already."""
    return result
    yield
