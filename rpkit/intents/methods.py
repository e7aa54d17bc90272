"""The methods of `Client` and `AsyncClient` for lodged intents.

Spec: LODGING 1, 5
Role: C
"""

from __future__ import annotations

from typing import TypeVar, Unpack

from fapikit.flow import Flow
from rpkit.bank import Bank
from rpkit.intents.bodies import IntentBody
from rpkit.intents.lodged_intent import LodgedIntent
from rpkit.intents.lodging import CallOptions, LodgingOptions, end_intent, lodge_intent, read_intent
from rpkit.tokens.token_set import TokenSet

T = TypeVar("T")


class IntentMethods:
    """`Client` has them."""

    bank: Bank

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def lodge(
        self, intent: IntentBody, *, url: str, tokens: TokenSet, **how: Unpack[LodgingOptions]
    ) -> LodgedIntent:
        """See `lodging.lodge_intent`: lodge an intent at a consent resource, before its user is asked."""
        return self._run(lodge_intent(self.bank, intent, url=url, tokens=tokens, **how))

    def read_intent(
        self, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]
    ) -> LodgedIntent:
        """See `lodging.read_intent`: the intent as it is now."""
        return self._run(read_intent(self.bank, intent, tokens=tokens, **how))

    def end_intent(self, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]) -> None:
        """See `lodging.end_intent`: end an intent with all its tokens."""
        self._run(end_intent(self.bank, intent, tokens=tokens, **how))


class AsyncIntentMethods:
    """`AsyncClient` has them."""

    bank: Bank

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def lodge(
        self, intent: IntentBody, *, url: str, tokens: TokenSet, **how: Unpack[LodgingOptions]
    ) -> LodgedIntent:
        return await self._run(lodge_intent(self.bank, intent, url=url, tokens=tokens, **how))

    async def read_intent(
        self, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]
    ) -> LodgedIntent:
        return await self._run(read_intent(self.bank, intent, tokens=tokens, **how))

    async def end_intent(self, intent: LodgedIntent, *, tokens: TokenSet, **how: Unpack[CallOptions]) -> None:
        await self._run(end_intent(self.bank, intent, tokens=tokens, **how))
