"""The answers of banks and APIs: what an attacker was looking for, the refusal, or nothing."""

from __future__ import annotations

import httpx


class Refused(Exception):
    """A bank or an API refused. `status` and `words` are what the attacker sees."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}")
        self.status = status
        self.words = words


class NothingCame(Exception):
    """Nobody refused, and yet the attacker has nothing: what he was waiting for was not in the message.

    `clause`: the rule by which it is not there.
    """

    def __init__(self, words: str, *, clause: str) -> None:
        super().__init__(words)
        self.words = words
        self.clause = clause


def accepted(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is a success. Raises Refused."""
    if answer.is_success:
        return answer
    words = answer.headers.get("www-authenticate") or " ".join(answer.text.split())[:300]
    raise Refused(answer.status_code, words)
