"""Clients with pairwise subjects, and the salt that a bank makes these subjects with."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.keys import b64

SALT = bytes(range(32))
PAIRWISE: dict[str, Any] = {**FINTECH, "subject_type": "pairwise"}
SECTOR = "fintech.example.test"
ELSEWHERE: dict[str, Any] = {
    **OTHER,
    "redirect_uris": ["https://elsewhere.example.test/callback"],
    "subject_type": "pairwise",
}
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def salt_file(folder: Path, salt: bytes = SALT) -> str:
    file = folder / "pairwise.salt"
    file.write_text(b64(salt) + "\n")
    return str(file)


def a_bank(folder: Path, *clients: dict[str, Any], **changes: Any) -> Bank:
    """A bank of these clients, beside its APIs."""
    known = [*(clients or (PAIRWISE, ELSEWHERE)), *APIS]
    return Bank(**{"clients": known, "pairwise_salt_file": salt_file(folder), **changes})


def pairwise(own: str, sector: str = SECTOR, kind: str = "sub", salt: bytes = SALT) -> str:
    """The subject as documented, computed without the code under test."""
    return b64(hmac.new(salt, f"{kind}\0{sector}\0{own}".encode(), hashlib.sha256).digest())
