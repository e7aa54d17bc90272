"""Reads authorization details from a JSON file.

Spec: RFC 9396 2
Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fapikit import strict_json
from fapikit_cli.failing import WrongUsage


def read_details(path: Path | None) -> list[dict[str, Any]]:
    """The details; none without a file. Raises WrongUsage, OSError."""
    if path is None:
        return []
    try:
        value = strict_json.parse_value(path.read_bytes())
    except ValueError as error:
        raise WrongUsage(f"{path} is not JSON: {error}", "correct the file") from error
    details = [value] if isinstance(value, dict) else value
    if not isinstance(details, list) or not all(
        isinstance(detail, dict) and "type" in detail for detail in details
    ):
        raise WrongUsage(
            f"{path} has no authorization details", 'write an object with a "type", or a list of such objects'
        )
    return details
