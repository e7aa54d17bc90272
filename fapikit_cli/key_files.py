"""Files with keys: a private one has the mode 0600, and no file is ever overwritten.

Spec: RFC 7517 5, 9.2; RFC 7468 10
Role: RP, RS, AS
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fapikit_cli.failing import WrongUsage
from fapikit_cli.secret_input import read_secret

if TYPE_CHECKING:
    from fapikit import PrivateKey

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644


def write_new(files: Mapping[Path, tuple[str, int]]) -> None:
    """Write each file with its text and mode; none at all if one of them is there already. Raises WrongUsage."""
    there = [str(path) for path in files if path.exists() or path.is_symlink()]
    if there:
        raise WrongUsage(
            f"{', '.join(there)}: there already, and no file with a key is overwritten",
            "choose another name, or move the old files away",
        )
    for path, (text, mode) in files.items():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)  # whatever the umask is
            file.write(text)


def read_private_key(source: str, what: str = "the private key", *, alg: str | None = None) -> PrivateKey:
    """A private key from `source` (see `secret_input`): a JWK, a JWK Set with one key, or PEM.

    `alg`: for a PEM, which does not say it. Raises WrongUsage, UnusablePrivateKey.
    """
    from fapikit import PrivateKey

    secret = read_secret(source, what)
    if secret.reveal().startswith("-----BEGIN"):
        return PrivateKey.from_pem(secret.reveal(), alg=alg)
    if '"keys"' in secret.reveal():
        return PrivateKey.from_jwks(secret.reveal())
    return PrivateKey.from_jwk(secret.reveal())
