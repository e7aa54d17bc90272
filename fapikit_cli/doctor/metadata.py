"""The metadata documents, and what they lack for the profile.

Spec: RFC 8414 2, 3.2, 3.3; OIDC Discovery 4; FAPI2-SP 5.3.2.1-1; FAPI1-BL 5.2.2-22; RFC 9700 4.11
Role: C
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fapikit.errors import TransportError, UnexpectedRedirect
from fapikit.metadata import ENDPOINTS
from fapikit.metadata_audit import audit
from fapikit_cli.doctor.row import Row, Rules, Verdict
from fapikit_cli.server.published import Document, Published

_UNREACHABLE: Final = "see the rows of TLS and of the certificate"
_PUBLISH: Final = "publish the same metadata at both well-known URLs"


def examine_metadata(published: Published, rules: Rules) -> Iterator[Row]:
    """The documents, their differences, and the audit for the profile."""
    usable = any(document.metadata is not None for document in published.documents)
    for document in published.documents:
        yield _document(document, Rules(document.url, rules.profile), usable=usable)
    if differences := published.differences():
        names = ", ".join(name for name, _, _ in differences)
        yield rules.row(
            "metadata.same", False, "FAPI2-SP 5.3.2.1-1", "both documents say the same",
            f"they differ in {names}", _PUBLISH, otherwise=Verdict.WARNS,
        )  # fmt: skip
    elif all(document.metadata is not None for document in published.documents):
        yield rules.row(
            "metadata.same", True, "FAPI2-SP 5.3.2.1-1", "both documents say the same", "no difference"
        )
    if usable:
        yield from _audited(published, rules)
        yield from _unusable_endpoints(published, rules)


def _document(document: Document, rules: Rules, *, usable: bool) -> Row:
    """The row of one well-known URL. `usable`: whether one of the two can be used."""
    requirement = "the metadata are here, for this issuer"
    answer, error = document.answer, document.error
    if error is None:
        return rules.row(
            "metadata.document",
            True,
            "RFC 8414 3.3",
            requirement,
            f"in {answer.took:.2f} s" if answer else "",
        )
    if isinstance(error, TransportError) and not isinstance(error, UnexpectedRedirect):
        return rules.failed("metadata.document", error, requirement, undecided=True, advice=_UNREACHABLE)
    return rules.row(
        "metadata.document",
        False,
        error.clause,
        requirement,
        f"{type(error).__name__}: {error.message}",
        _PUBLISH if usable else str(error.remedy),
        # The other document is enough for a client, unless this one speaks of somebody else.
        otherwise=Verdict.WARNS if usable and not document.members else Verdict.FAILS,
    )


def _audited(published: Published, rules: Rules) -> Iterator[Row]:
    for row in audit(published.metadata, rules.profile).rows:
        name, *words = row.requirement.split()
        name += ".forbidden" if {"no", "nothing"} & set(words[:2]) else ""
        advice = f"configure the server so that this is true, and that its metadata say so: {row.requirement}"
        yield rules.row(f"profile.{name}", row.holds, row.clause, row.requirement, row.found, advice)


def _unusable_endpoints(published: Published, rules: Rules) -> Iterator[Row]:
    metadata = published.metadata
    for name in ENDPOINTS:
        if metadata.has(name) and name not in metadata.raw:
            yield rules.row(
                f"metadata.{name}",
                False,
                "FAPI2-SP 5.2.1-1",
                f"{name} can be called: an https URL without a fragment",
                "clients leave it out",
                f"correct {name} in the metadata",
            )
