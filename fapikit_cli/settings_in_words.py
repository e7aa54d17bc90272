"""What the library calls a setting in Python, in the words of somebody who types commands.

Role: RP, RS, AS
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"HttpSettings\((?:ca|tls)=\.\.\.\) says", "--ca FILE, or ca in the client file, says"),
        (
            r"(?:http=)?HttpSettings\(client_certificate=\.\.\.\)",
            "certificate in the client file (of the command doctor: --cert)",
        ),
        (r"\bset resource= to\b", "give --resource with"),
        (r"\brefresh\(resource=\.\.\.\) gets", "`fapikit token refresh --resource URL` gets"),
    )
)


def settings_in_words(said: str) -> str:
    """The text of an error of the library. What names no setting of Python stays as it is."""
    for pattern, words in _WORDS:
        said = pattern.sub(words, said)
    return said
