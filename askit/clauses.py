"""Errors cite a rule that is in force: of a clause that is not of the profile, the one that says the same there.

Spec: FAPI2-SP 5.1.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fapikit.errors import FapiError
from fapikit.profiles import Profile

_SAID_TOO_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "FAPI1-ADV 8.6.1-1": ("RFC 8725 3.2",),
    "FAPI1-BL 5.2.2-10": ("RFC 9700 2.1a",),
    "FAPI1-BL 5.2.2-11": ("RFC 6749 10.10",),
    "FAPI1-BL 5.2.2-19": ("RFC 7523 3-2",),
    "FAPI2-MS 5.3.1-2": ("FAPI1-ADV 5.2.2-15", "RFC 9101 4b"),
    "FAPI2-MS 5.3.1-3": ("FAPI1-ADV 5.2.2-17", "RFC 7519 4.1.5"),
    "FAPI2-MS 5.3.1-4": ("FAPI1-ADV 5.2.2-13", "RFC 7519 4.1.4"),
    "FAPI2-MS 5.3.1-5": ("RFC 9101 10.8",),
    "FAPI2-MS 5.3.3": ("RFC 7591 2",),
    "FAPI2-MS 6.2": ("RFC 7662 2.1",),
    "FAPI2-SP 5.3.2.1-2": ("RFC 9700 2.4",),
    "FAPI2-SP 5.3.2.1-8": ("rfc7523bis 4a", "RFC 7523 3-3"),
    "FAPI2-SP 5.3.2.1-13": ("RFC 7519 4.1.5",),
    "FAPI2-SP 5.3.2.2 N3": ("RFC 9126 4b",),
    "FAPI2-SP 5.3.2.2-6": ("FAPI1-BL 5.2.2-9", "RFC 6749 3.1.2.3"),
    "FAPI2-SP 5.3.2.2-8": ("FAPI1-BL 5.2.2-20", "RFC 9700 2.6"),
    "FAPI2-SP 5.3.2.2-9": ("FAPI1-BL 5.2.2-13", "RFC 6749 4.1.2"),
    "FAPI2-SP 5.3.2.2-14": ("RFC 6749 4.1.2.1",),
    "FAPI2-SP 5.4.1-2": ("FAPI1-BL 5.2.2-5", "RFC 7518 3.3"),
    "FAPI2-SP 5.4.3": ("FAPI1-ADV 8.11", "RFC 7515 6"),
}
"""Others that say the same. The first that is in force is cited; if none of them is, the last."""
_CHOSEN_BY_THE_PROFILE: Final[Mapping[str, str]] = {"RFC 8725 3.1": "signing_algorithms"}
"""What an RFC leaves to choose, and the setting of the profile that chooses."""


def cite_what_is_in_force(error: BaseException, profile: Profile) -> None:
    """Let the error cite a clause of a document that the profile is made of."""
    if not isinstance(error, FapiError):
        return
    in_force = {_document(clause) for clause in profile.clauses.values()}
    if error.clause in _CHOSEN_BY_THE_PROFILE:
        error.clause = profile.clause(_CHOSEN_BY_THE_PROFILE[error.clause])
    elif error.clause in _SAID_TOO_BY and _document(error.clause) not in in_force:
        others = _SAID_TOO_BY[error.clause]
        error.clause = next((clause for clause in others if _document(clause) in in_force), others[-1])


def _document(clause: str) -> str:
    return clause.split(" ", maxsplit=1)[0]
