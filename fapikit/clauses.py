"""The clause of an error is in force: if a FAPI clause does not belong to the profile, an equivalent one is cited.

Spec: FAPI2-SP 5.1.2
Role: C, AS, RS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from fapikit.errors import FapiError, ForbiddenAlgorithm
from fapikit.jose.algorithms import ASYMMETRIC
from fapikit.jose.shared_secret import HMAC_ALGORITHMS
from fapikit.profile import Profile

SAID_BY_AN_RFC_TOO: Final[Mapping[str, str]] = {
    "FAPI1-ADV 5.2.2-2": "OIDC 3.3.2.5",
    "FAPI1-ADV 5.2.3.1-3": "OIDC 3.3.2.5",
    "FAPI1-ADV 8.6.1-1": "RFC 8725 3.2",
    "FAPI1-BL 5.2.2-10": "RFC 9700 2.1a",
    "FAPI1-BL 5.2.2-11": "RFC 6749 10.10",
    "FAPI1-BL 5.2.2-19": "RFC 7523 3-2",
    "FAPI1-BL 5.2.2-21": "RFC 6750 5.3",
    "FAPI1-BL 5.2.3-3": "RFC 9700 4.4.2",
    "FAPI1-BL 5.2.3-4": "RFC 9700 4.4.2",
    "FAPI1-BL 5.2.3-10": "RFC 6749 3.3",
    "FAPI2-MS 5.3.1-2": "RFC 9101 4b",
    "FAPI2-MS 5.3.1-3": "RFC 7519 4.1.5",
    "FAPI2-MS 5.3.1-4": "RFC 7519 4.1.4",
    "FAPI2-MS 5.3.1-5": "RFC 9101 10.8",
    "FAPI2-MS 5.3.3": "RFC 7591 2",
    "FAPI2-MS 5.4.2-2": "JARM 2.3",
    "FAPI2-MS 5.5.2-1": "RFC 9701 4a",
    "FAPI2-MS 6.2": "RFC 7662 2.1",
    "FAPI2-SP 5.2.1-1": "RFC 9325 3.1.1",
    "FAPI2-SP 5.2.1-5": "RFC 9525 6",
    "FAPI2-SP 5.3.2.1-2": "RFC 9700 2.4",
    "FAPI2-SP 5.3.2.1-8": "RFC 7523 3-3",
    "FAPI2-SP 5.3.2.1-13": "RFC 7519 4.1.5",
    "FAPI2-SP 5.3.2.2 N3": "RFC 9126 4b",
    "FAPI2-SP 5.3.2.2-1": "RFC 9700 2.1.2",
    "FAPI2-SP 5.3.2.2-6": "RFC 6749 3.1.2.3",
    "FAPI2-SP 5.3.2.2-8": "RFC 9700 2.6",
    "FAPI2-SP 5.3.2.2-9": "RFC 6749 4.1.2",
    "FAPI2-SP 5.3.2.2-14": "RFC 6749 4.1.2.1",
    "FAPI2-SP 5.3.3.2-3": "RFC 9700 2.1.1a",
    "FAPI2-SP 5.3.3.2-4": "RFC 9700 2.1.1a",
    "FAPI2-SP 5.3.4-1": "RFC 6750 2.1",
    "FAPI2-SP 5.3.4-2": "RFC 9700 4.3.2",
    "FAPI2-SP 5.3.4-3": "RFC 6750 3.1",
    "FAPI2-SP 5.3.4-4": "RFC 6750 3.1",
    "FAPI2-SP 5.3.4-5": "RFC 9700 2.2.1",
    "FAPI2-SP 5.4.1-2": "RFC 7518 3.3",
    "FAPI2-SP 5.4.1-3": "RFC 9325 4.5",
    "FAPI2-SP 5.4.1-4": "RFC 6749 10.10",
    "FAPI2-SP 5.4.2-3": "RFC 7517 4.5",
    "FAPI2-SP 5.4.3": "RFC 7517 4.5",
    "FAPI2-SP 6.1": "RFC 6750 5.3",
    "FAPI2-SP 6.7": "RFC 9700 4.15.1",
}
SAID_BY_FAPI_1_TOO: Final[Mapping[str, str]] = {
    "FAPI2-MS 5.3.1-2": "FAPI1-ADV 5.2.2-15",
    "FAPI2-MS 5.3.1-3": "FAPI1-ADV 5.2.2-17",
    "FAPI2-MS 5.3.1-4": "FAPI1-ADV 5.2.2-13",
    "FAPI2-SP 5.3.2.2-6": "FAPI1-BL 5.2.2-9",
    "FAPI2-SP 5.3.2.2-8": "FAPI1-BL 5.2.2-20",
    "FAPI2-SP 5.3.2.2-9": "FAPI1-BL 5.2.2-13",
    "FAPI2-SP 5.4.1-2": "FAPI1-BL 5.2.2-5",
    "FAPI2-SP 5.4.1-3": "FAPI1-BL 5.2.2-6",
    "FAPI2-SP 5.4.3": "FAPI1-ADV 8.11",
}
_SIGNED_WITH: Final = ASYMMETRIC | HMAC_ALGORITHMS.keys() | {"none"}


def clause_in_force(clause: str, profile: Profile) -> str:
    """The clause if its document belongs to the profile; otherwise the equivalent clause of FAPI 1 or of an RFC."""
    in_force = {_document(cited) for cited in profile.clauses.values()}
    if _document(clause) in in_force:
        return clause
    in_fapi_1 = SAID_BY_FAPI_1_TOO.get(clause, "")
    return in_fapi_1 if _document(in_fapi_1) in in_force else SAID_BY_AN_RFC_TOO.get(clause, clause)


def _document(clause: str) -> str:
    return clause.split(" ", maxsplit=1)[0]


def cite_what_is_in_force(error: BaseException, profile: Profile) -> None:
    """Replace the clause of an error by one in force. An algorithm outside the profile is forbidden by the profile."""
    if isinstance(error, ForbiddenAlgorithm) and error.clause == ForbiddenAlgorithm.clause:
        alg = error.facts.get("alg")
        # RFC 9449 4.3-5 itself allows only asymmetric algorithms for a DPoP proof, whatever the profile.
        by_dpop = error.clause == "RFC 9449 4.3-5" and alg not in ASYMMETRIC
        if alg in _SIGNED_WITH and alg not in profile.signing_algorithms and not by_dpop:
            error.clause = profile.clause("signing_algorithms")
    if isinstance(error, FapiError):
        error.clause = clause_in_force(error.clause, profile)


@contextmanager
def citing(profile: Profile) -> Iterator[None]:
    """Errors that are raised inside this context cite a clause in force."""
    try:
        yield
    except FapiError as error:
        cite_what_is_in_force(error, profile)
        raise
