"""The attacker at the APIs with an unbound token: only the way in which the token is sent can be attacked."""

from __future__ import annotations

from collections.abc import Callable

from examples.demo.attackers.refusal import Refusal
from examples.demo.attackers.token_thief import TokenThief


class BearerThief(TokenThief):
    def attacks_on_possession(self) -> list[Callable[[], Refusal]]:
        return [self.token_in_the_query]

    def token_in_the_query(self) -> Refusal:
        """URLs are kept in logs, histories and Referer headers, so a token from a URL must not work."""
        url = self.world.accounts_resource
        token = self.stolen.access_token_for(url).reveal()
        answer = self.http.get(url, params={"access_token": token})
        return self.refused("a token in the query", answer, 400, "FAPI1-BL 6.2.1-3")
