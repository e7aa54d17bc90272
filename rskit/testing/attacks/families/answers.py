"""Answers that disclose data: to a cache, to a page of another origin, or to a client that was refused.

Spec: RFC 9111 3.5; RFC 6750 5.3; RFC 9728 5.1; RFC 9700 4.3.2 (RS-16, RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Answer
from rskit.testing.attacks.attack import Came, Step
from rskit.testing.attacks.declared import Family, Maker, Row, story
from rskit.testing.attacks.forger import Forger

_EVIL: Final = "evil.example"
_TRACES: Final = ("Traceback (most recent call last)", 'File "/', "werkzeug.debug", "site-packages/")


def needs_answers(forger: Forger) -> NotLookedAt | None:
    return None if forger.tells_answers else NO_ANSWERS


NO_ANSWERS: Final = NotLookedAt(
    "what answers give away",
    "send returns only the status: no header and no body was read",
    "let send return the response",
)


def _asked(write: Callable[[Forger], list[tuple[str, str]]], flaw: Callable[[Answer], str | None]) -> Maker:
    def tell(forger: Forger) -> Generator[Step, Answer, Came]:
        return flaw((yield forger.step(write(forger))))

    return story(tell)


def _shared(answer: Answer) -> str | None:
    """RFC 9111 3.5: with these directives a shared cache stores an answer to one Authorization and serves it to all."""
    said = {
        word.strip().partition("=")[0].lower() for word in (answer.header("cache-control") or "").split(",")
    }
    if said & {"private", "no-store"} or not said & {"public", "s-maxage", "must-revalidate"}:
        return None
    return f"Cache-Control: {answer.header('cache-control')}"


def _reflected(answer: Answer) -> str | None:
    allowed = answer.header("access-control-allow-origin") or ""
    if (_EVIL in allowed or allowed == "null") and answer.header("access-control-allow-credentials"):
        return f"Access-Control-Allow-Origin: {allowed}, with credentials"
    return None


def _named_back(answer: Answer) -> str | None:
    return f"an answer that names {_EVIL}" if _EVIL in answer.text else None


def _tells(answer: Answer) -> str | None:
    return next((f"an answer that holds {trace!r}" for trace in _TRACES if trace in answer.text), None)


def _repeats(token: Callable[[Forger], str]) -> Maker:
    def tell(forger: Forger) -> Generator[Step, Answer, Came]:
        sent = token(forger)
        answer = yield forger.step(forger.headers(sent))
        return "an answer that holds the token" if sent in answer.text else None

    return story(tell)


def _broken(_: Forger) -> list[tuple[str, str]]:
    return [("Authorization", 'DPoP eyJ.\x7f.{"'), ("DPoP", "eyJ..{")]


def _hosts(_: Forger) -> list[tuple[str, str]]:
    return [
        ("Host", _EVIL),
        ("X-Forwarded-Host", _EVIL),
        ("Forwarded", f"host={_EVIL}"),
        ("X-Forwarded-Server", _EVIL),
    ]


ANSWERS: Final = Family(
    "answers that give something away",
    means="",
    clause="RFC 6750 5.3",
    remedy="",
    rows=(
        Row(
            "an answer that shared caches keep",
            "the honest request",
            _asked(Forger.honest, _shared),
            means="A shared cache serves one user's answer to other users, and to requests without a token.",
            clause="RFC 9111 3.5",
            remedy="Send Cache-Control: no-store or private with every answer to a request with a token.",
        ),
        Row(
            "an answer for any page",
            "the honest request, from the origin https://evil.example",
            _asked(lambda forger: [*forger.honest(), ("Origin", f"https://{_EVIL}")], _reflected),
            means="An attacker's page reads answers with the user's cookies or client certificate.",
            clause="RFC 6750 5.3",
            remedy="List the origins that may read, or allow no credentials. Never echo the Origin.",
        ),
        Row(
            "an answer for the origin null",
            "the honest request, from the origin null",
            _asked(lambda forger: [*forger.honest(), ("Origin", "null")], _reflected),
            means="An attacker's sandboxed page reads answers with the user's cookies or client certificate.",
            clause="RFC 6750 5.3",
            remedy="Never allow the origin null.",
        ),
        Row(
            "a refusal that names a host of the request",
            "the request without a token, with a Host and forwarded headers of an attacker",
            _asked(_hosts, _named_back),
            means="The challenge sends clients to the attacker's metadata, and from there to his login page.",
            clause="RFC 9728 5.1",
            remedy="Build resource_metadata from the configuration, never from Host or forwarded headers.",
        ),
        Row(
            "a refusal that shows the inside",
            "an Authorization header that cannot be read",
            _asked(_broken, _tells),
            means="A client that is refused learns files, versions and settings of this API.",
            clause="RFC 6750 3",
            remedy="Answer only with the error code, and keep exceptions in the log.",
        ),
        Row(
            "a refusal that repeats the token",
            "an expired token",
            _repeats(lambda forger: forger.token(exp=forger.now() - 3600, iat=forger.now() - 7200)),
            means="Tokens end up in logs, error pages and error trackers.",
            clause="RFC 6750 5.3",
            remedy="An error may say which rule was broken, but never what was sent.",
        ),
    ),
    needs=needs_answers,
)


def _turns(forger: Forger) -> Generator[Step, Answer, Came]:
    """Two users, alternately: each must see only their own data."""
    subject = forger.reach.subject
    if subject is None:
        return NO_SUBJECT
    tokens = {user: forger.token(sub=user) for user in ("fapikit-alice", "fapikit-bob")}
    for user in (*tokens, *tokens, "fapikit-bob", "fapikit-alice"):
        answer = yield forger.step(forger.headers(tokens[user]))
        shown = subject(answer)
        if shown != user:
            return f"{shown} for {user}"
    return None


def _same_names(forger: Forger) -> Generator[Step, Answer, Came]:
    """Tokens that differ only in their user; even jti is the same."""
    subject = forger.reach.subject
    if subject is None:
        return NO_SUBJECT
    for user in ("fapikit-alice", "fapikit-bob", "fapikit-alice"):
        answer = yield forger.step(forger.headers(forger.token(sub=user, jti="the same name")))
        shown = subject(answer)
        if shown != user:
            return f"{shown} for {user}"
    return None


NO_SUBJECT: Final = NotLookedAt(
    "whose data comes back",
    "the answers do not show whose data they contain",
    "Reach(subject=...), a function of the answer",
)

USERS: Final = Family(
    "users who get another's answer",
    means="One user sees the accounts of another.",
    clause="FAPI2-SP 5.3.4-4",
    remedy="Cache tokens, answers and users by the whole token. Keep nothing of one request for the next.",
    rows=(
        Row("two users in turns", "requests of two users, in turns", story(_turns)),
        Row(
            "two users whose tokens have one jti",
            "tokens of two users with one jti, in turns",
            story(_same_names),
        ),
    ),
    needs=lambda forger: NO_SUBJECT if forger.reach.subject is None else None,
)

FAMILIES: Final = (ANSWERS, USERS)
