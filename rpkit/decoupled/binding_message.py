"""The binding message: the user sees it here and on the authentication device, and compares the two.

Spec: CIBA 7.1e; FAPI-CIBA 5.2.3.1-2
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.clock import RandomBytes, system_random
from fapikit.errors import ConfigurationError
from fapikit.visible_text import is_visible_line

MAX_CHARACTERS: Final = 100
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; none that looks like another one or like a digit (RFC 8628 6.1)."""
_GROUP: Final = 4


def binding_message(random_bytes: RandomBytes = system_random) -> str:
    """A new random binding message that two people can compare at a glance, such as `WDJB-MJHT` (34 bits)."""
    letters = ""
    while len(letters) < 2 * _GROUP:
        # An octet of 240 or more would make some letters likelier than others.
        letters += "".join(_LETTERS[octet % 20] for octet in random_bytes(16) if octet < 240)
    return f"{letters[:_GROUP]}-{letters[_GROUP : 2 * _GROUP]}"


def require_showable(message: object) -> None:
    """Raises ConfigurationError for a binding message that a device cannot show as one short line of plain text."""
    if not isinstance(message, str) or not is_visible_line(message):
        raise ConfigurationError(
            "binding_message is empty, no text, or has a character that cannot be seen: give one line of plain text,"
            " such as that of rpkit.binding_message()",
            clause="CIBA 7.1e",
        )
    if len(message) > MAX_CHARACTERS:
        raise ConfigurationError(
            f"binding_message has {len(message)} characters, and {MAX_CHARACTERS} is the limit: a user compares it at a"
            " glance",
            clause="CIBA 7.1e",
        )
