"""The methods of `Client` and `AsyncClient` for grants that the client manages.

Spec: GM 6.4, 6.5
Role: C
"""

from __future__ import annotations

from typing import TypeVar

from fapikit.flow import Flow
from rpkit.api.managed_grants import HeldByGrant, query_grant, revoke_grant
from rpkit.bank import Bank
from rpkit.tokens.token_set import TokenSet

T = TypeVar("T")


class GrantMethods:
    """`Client` has them."""

    bank: Bank

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def query_grant(self, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> HeldByGrant:
        """See `managed_grants.query_grant`: what a grant holds now. `grant`: its tokens, or its `grant_id`."""
        return self._run(query_grant(self.bank, grant, tokens=tokens))

    def revoke_grant(self, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> None:
        """See `managed_grants.revoke_grant`: end a grant with all its tokens."""
        self._run(revoke_grant(self.bank, grant, tokens=tokens))


class AsyncGrantMethods:
    """`AsyncClient` has them."""

    bank: Bank

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def query_grant(self, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> HeldByGrant:
        return await self._run(query_grant(self.bank, grant, tokens=tokens))

    async def revoke_grant(self, grant: TokenSet | str, *, tokens: TokenSet | None = None) -> None:
        await self._run(revoke_grant(self.bank, grant, tokens=tokens))
