"""How a consent resource says why it refuses: the members of the body, by the style of its ecosystem.

One style is built: that of OAuth. UK Open Banking, Brazil and the Berlin Group each have another; a style is a function
of the status, the code and the description, so theirs is an entry here.

Spec: RFC 6749 5.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

ErrorStyle: TypeAlias = Callable[[int, str, str], Mapping[str, Any]]
"""The members of a refusal, from its HTTP status, its code and its description."""


def oauth(_status: int, code: str, description: str) -> Mapping[str, Any]:
    return {"error": code, "error_description": description}


ERROR_STYLES: Final[dict[str, ErrorStyle]] = {"oauth": oauth}
