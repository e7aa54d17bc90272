"""The challenges in the response of a resource that refuses, and the error for the scheme that was used.

Spec: RFC 6750 3; RFC 9449 7.1b, 7.2b, 9; RFC 9470 3, 4; RFC 9728 5.1; RFC 9421 5.1
Role: C
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from fapikit.errors import MalformedMessage, PeerRefused, Remedy, UnexpectedStatus
from fapikit.http_message import HttpResponse, read_refusal, refused, words_in, words_of_challenge
from fapikit.members import LOG
from fapikit.peer_words import PeerWords
from fapikit.www_authenticate import Challenge, parse_challenges
from rpkit.errors import StepUpRequired

_ALWAYS_COVERED: Final = ("authorization", "dpop", "content-digest", "content-type")
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")


def read_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges. None if the header is malformed: the application then gets the response as it is."""
    try:
        return parse_challenges(values)
    except MalformedMessage:
        return ()


def error_of(challenges: Sequence[Challenge], scheme: str) -> str | None:
    """The `error` of a challenge for this scheme; if there is no such challenge, the `error` of any challenge."""
    own = [challenge for challenge in challenges if challenge.scheme == scheme.lower()]
    return next((c.parameters["error"] for c in own or challenges if "error" in c.parameters), None)


def demands_nonce(status: int, challenges: Sequence[Challenge], nonces: Sequence[str]) -> bool:
    """Whether a resource demands a DPoP nonce and provides one. The challenge may be of any scheme."""
    if status != 401 or len(nonces) != 1:
        return False
    found = [c.scheme for c in challenges if c.parameters.get("error") == "use_dpop_nonce"]
    if found and "dpop" not in found:
        LOG.info("use_dpop_nonce came under the scheme %s instead of DPoP [RFC 9449 9]", found[0][:40])
    return bool(found)


def require_no_step_up(challenges: Sequence[Challenge]) -> None:
    """Raises StepUpRequired where a resource demands a stronger or more recent login."""
    for challenge in challenges:
        if challenge.parameters.get("error") != "insufficient_user_authentication":
            continue
        max_age = challenge.parameters.get("max_age", "")
        raise StepUpRequired(
            "the API demands a stronger or more recent login: call begin(**error.parameters)",
            acr_values=tuple(challenge.parameters.get("acr_values", "").split()),
            max_age=int(max_age) if _SECONDS.match(max_age) else None,
            scope=challenge.parameters.get("scope"),
        )


def read_resource_refusal(response: HttpResponse, *, clause: str) -> PeerRefused | UnexpectedStatus:
    """The error of a resource's refusal: from its challenge, or otherwise from its body."""
    for challenge in read_challenges(response.all("www-authenticate")):
        words = words_of_challenge(challenge.parameters, response)
        if words.code is not None:
            return _refused(response, words, clause)
    return read_refusal(response, clause=clause)


def raise_resource_error_in_body(response: HttpResponse, *, clause: str) -> None:
    """Raise PeerRefused if a resource's response with a 2xx status has an OAuth error in its body."""
    words = words_in(response)
    if words.code is not None:
        raise _refused(response, words, clause)


def _refused(response: HttpResponse, words: PeerWords, clause: str) -> PeerRefused:
    if words.code == "invalid_token":
        hint = "if the access token has expired, refresh the tokens, or sign in again"
        return refused(response, words, clause=clause, remedy=Remedy.SIGN_IN_AGAIN, hint=hint)
    if words.code == "invalid_signature":
        return refused(response, words, clause=clause, hint=_what_to_sign(response))
    return refused(response, words, clause=clause)


def _what_to_sign(response: HttpResponse) -> str | None:
    """What the Accept-Signature of a refusal asks for, as the setting that gives it (RFC 9421 5.1)."""
    try:
        from fapikit.http_signatures.accept import FIELD, wanted_components
    except ModuleNotFoundError:  # without the extra nobody can sign
        return None
    wanted = wanted_components(response.header(FIELD))
    if not wanted:
        return None
    fields = tuple(name for name in wanted if name not in _ALWAYS_COVERED and not name.startswith("@"))
    more = f", fields={fields!r}" if fields else ""
    return f"it wants a signature: message_signing=HttpSignatures(signer=...{more})"
