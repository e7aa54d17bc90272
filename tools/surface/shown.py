"""Values in one line, the same in each process."""

from __future__ import annotations

import enum
import re
from pathlib import PurePath
from typing import Any


def shown(value: Any) -> str:
    """Sets and mappings are sorted, objects without a repr of their own are dots."""
    if isinstance(value, enum.Enum):
        return shown(value.value) if isinstance(value.value, str) else value.name
    if isinstance(value, PurePath):
        return repr(str(value))
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "items"):
        return f"{{{', '.join(sorted(f'{shown(key)}: {shown(item)}' for key, item in value.items()))}}}"
    return re.sub(r"<.* at 0x[0-9a-f]+>", "...", repr(value))
