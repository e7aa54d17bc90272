"""What was checked, by whom, and about which message: the events of the kind `checks`.

Role: RP, RS, AS
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias
from uuid import uuid4

from fapikit.errors import FapiError, StoreError, TransportError
from fapikit_viewer.recording import Event

Outcome: TypeAlias = Literal["passed", "refused", "undecided"]
Line: TypeAlias = dict[str, Any]
"""`{"said", "clause", "passed", "outcome"}`. `outcome` says more than `passed`: it is `passed`, `skipped`, `noticed`,
`borne` or `failed`."""

_VALID: Final = ("the token is valid: signature, issuer, audience and time", "RFC 9068 4")
_ACTIVE: Final = ("the authorization server says that the token is active, and for this API", "RFC 7662 2.2")
_PROOF: Final = ("the DPoP proof is for this request, new, and by the key of the token", "RFC 9449 4.3")
_CERTIFICATE: Final = ("the client has shown the certificate of the token", "RFC 8705 3")


def checks_event(
    party: str,
    lines: Iterable[Line],
    *,
    about: str | None,
    outcome: Outcome = "passed",
    error: FapiError | None = None,
) -> Event:
    return {
        "kind": "checks",
        "id": uuid4().hex,
        "at": time.time(),
        "party": party,
        "about": about,
        "outcome": outcome,
        "checks": list(lines),
        "error": None if error is None else _told(error),
    }


def refusal_event(party: str, error: FapiError, *, about: str | None) -> Event:
    """Why a party refused, or could not decide."""
    undecided = isinstance(error, StoreError | TransportError)
    failed = line(error.message, error.clause, "failed")
    return checks_event(
        party, [failed], about=about, outcome="undecided" if undecided else "refused", error=error
    )


def line(said: str, clause: str, outcome: str = "passed") -> Line:
    return {"said": said, "clause": clause, "passed": outcome != "failed", "outcome": outcome}


def lines_of_report(report: Iterable[Any]) -> list[Line]:
    """The checks of a client's report (`rpkit.login.report.LoginReport`)."""
    return [
        line(f"{check.name}: {check.detail}" if check.detail else check.name, check.clause, check.outcome)
        for check in report
    ]


def lines_of_token(token: Any) -> list[Line]:
    """What a resource server has checked before it let a request pass with this token (`rskit.Token`)."""
    said = [_ACTIVE if token.kind == "introspected" else _VALID]
    if token.confirmation.jkt is not None:
        said.append(_PROOF)
    if token.confirmation.x5t is not None:
        said.append(_CERTIFICATE)
    return [line(*each) for each in said]


def _told(error: FapiError) -> dict[str, Any]:
    return {
        "class": type(error).__name__,
        "code": error.code,
        "clause": error.clause,
        "said": error.message,
        "remedy": str(error.remedy),
    }
