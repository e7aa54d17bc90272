"""The answers of banks and APIs: what an attacker was looking for, or the refusal."""

from __future__ import annotations

import httpx


class Refused(Exception):
    """A bank or an API refused. `status` and `words` are what the attacker sees."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}")
        self.status = status
        self.words = words


def accepted(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is a success. Raises Refused."""
    if answer.is_success:
        return answer
    words = answer.headers.get("www-authenticate") or " ".join(answer.text.split())[:300]
    raise Refused(answer.status_code, words)
