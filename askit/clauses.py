"""Errors cite a rule that is in force: where a FAPI clause is not of this server's profile, the RFC that says the same.

Spec: FAPI2-SP 5.1.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fapikit.errors import FapiError
from fapikit.profiles import Profile

_SAID_BY_AN_RFC_TOO: Final[Mapping[str, str]] = {
    "FAPI1-ADV 8.6.1-1": "RFC 8725 3.2",
    "FAPI1-BL 5.2.2-11": "RFC 6749 10.10",
    "FAPI2-MS 5.3.3": "RFC 7591 2",
    "FAPI2-MS 6.2": "RFC 7662 2.1",
    "FAPI2-SP 5.3.2.1-2": "RFC 9700 2.4",
    "FAPI2-SP 5.3.2.2 N3": "RFC 9126 4b",
    "FAPI2-SP 5.3.2.2-6": "RFC 6749 3.1.2.3",
    "FAPI2-SP 5.3.2.2-8": "RFC 9700 2.6",
    "FAPI2-SP 5.3.2.2-9": "RFC 6749 4.1.2",
    "FAPI2-SP 5.3.2.2-14": "RFC 6749 4.1.2.1",
}


def cite_what_is_in_force(error: BaseException, profile: Profile) -> None:
    """Let the error cite the RFC, unless the profile is made of the document that it cites."""
    if not isinstance(error, FapiError):
        return
    in_force = {clause.split(" ")[0] for clause in profile.clauses.values()}
    if error.clause.split(" ")[0] not in in_force:
        error.clause = _SAID_BY_AN_RFC_TOO.get(error.clause, error.clause)
