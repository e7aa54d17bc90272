"""Reads which issuer is trusted, and its keys: in the settings, in a file beside them, or behind a URL.

Spec: RFC 7523 3-1, 3-9; CIBA 14b
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from askit.config.table import Table
from fapikit import strict_json
from fapikit.keyed_issuer import wrong

WAYS: Final = "jwks_uri, jwks and jwks_file"


def read_issuer(entry: Table, base: Path, table: str, clause: str) -> dict[str, Any]:
    """`issuer`, and `jwks_uri`, `jwks` or `jwks_file` beside the configuration file. Raises ConfigurationError."""
    file = entry.optional_string("jwks_file")
    inline = entry.members("jwks") or None
    return {
        "issuer": entry.string("issuer"),
        "jwks_uri": entry.optional_string("jwks_uri"),
        "jwks": inline if file is None else _read_keys(base / file, table, clause),
    }


def _read_keys(path: Path, table: str, clause: str) -> Mapping[str, Any]:
    try:
        return strict_json.parse_object(path.read_bytes())
    except (OSError, ValueError) as error:
        raise wrong(table, "jwks_file", f"{path.name} cannot be read: {error}", clause) from error
