"""What the refusal of an API means, and the next command.

Spec: RFC 6750 3.1; RFC 9449 7.1; RFC 9470 3, 4; RFC 9728 5.1
Role: RP
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fapikit.errors import FapiError
from fapikit.errors import MalformedMessage as Malformed
from fapikit.www_authenticate import Challenge, parse_challenges
from fapikit_cli.acting import Acting
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.failing import tell_error
from fapikit_cli.printing import tell
from fapikit_cli.telling import quoted
from rpkit import TokenSet
from rpkit.errors import StepUpRequired

_MEANINGS: Final[Mapping[str, str]] = {
    "invalid_token": "the API does not take this token: it has expired, was revoked, or is for another API",
    "insufficient_scope": "the token has not the scope that this request needs",
    "insufficient_user_authentication": "the API wants a stronger or more recent sign-in",
    "insufficient_authorization_details": "what the user agreed to does not cover this request: ask for it as JSON",
    "invalid_dpop_proof": "the API does not take the proof: most often a clock is wrong, or a proxy changes the URL",
    "use_dpop_nonce": "the API gave another nonce each time, so no proof was ever in time",
    "invalid_request": "the API cannot read the request",
}


def tell_failed_call(error: FapiError, tokens: TokenSet, acting: Acting) -> ExitStatus:
    """Tell of a call that needs the user, and of the login that would help."""
    tell_error(error)
    if isinstance(error, StepUpRequired):
        more = (error.scope or "").split()
        parts = ["login"]
        if more and not set(more) <= set(tokens.scope.split()):
            parts.append(f"--scope {quoted([*tokens.scope.split(), *more])}")
        if error.acr_values:
            parts.append(f"--acr {quoted(error.acr_values)}")
        if error.max_age is not None:
            parts.append(f"--max-age {error.max_age}")
        tell(f"  next: {acting.next(' '.join(parts))}", style="strong")
    else:
        tell(f"  next: {acting.next_for_more(tokens)}", style="strong")
    return ExitStatus.REFUSED


def tell_refused_call(answer: Any, tokens: TokenSet, acting: Acting) -> ExitStatus:
    """Tell what an answer of 400 or more means."""
    tell(f"\nThe API answered {answer.status_code} {answer.reason_phrase}", style="bad")
    for challenge in _challenges(answer):
        tell(f"  challenge: {challenge.scheme}")
        for name, value in challenge.parameters.items():
            tell(f"    {name}: {value}")
        code = challenge.parameters.get("error", "")
        if code in _MEANINGS:
            tell(f"  it means: {_MEANINGS[code]}")
        if (command := _next(code, challenge, tokens, acting)) is not None:
            tell(f"  next: {command}", style="strong")
    return ExitStatus.UNDECIDED if answer.status_code >= 500 else ExitStatus.REFUSED


def _next(code: str, challenge: Challenge, tokens: TokenSet, acting: Acting) -> str | None:
    if code == "insufficient_scope":
        needed = challenge.parameters.get("scope", "").split()
        wanted = f" --scope {quoted([*tokens.scope.split(), *needed])}"
        return acting.next_for_more(tokens, wanted) if needed else None
    if code == "insufficient_authorization_details":
        return acting.next("login --details FILE")
    return acting.next_for_more(tokens) if code == "invalid_token" else None


def _challenges(answer: Any) -> tuple[Challenge, ...]:
    try:
        return parse_challenges(answer.headers.get_list("www-authenticate"))
    except Malformed:
        return ()
