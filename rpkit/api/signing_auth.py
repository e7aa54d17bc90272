"""The `Auth` of an API client that signs: around the one that adds token and proof, for httpx and httpx2.

Each attempt is signed anew, because a retry must not look like a repetition of the first one.

Spec: UK-JWS 1; BR-JWT 1, 6
Role: C
"""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache
from typing import Any

from rpkit.api.message_signing import put, request_of, verified_answer


@lru_cache(maxsize=4)
def signing_auth_class(plain: Any, library: Any) -> Any:
    """A subclass of `plain`, whose `target.signing` signs what it sends and verifies the answer that it accepts."""

    class SigningAuth(plain):  # type: ignore[misc]
        def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            signing, attempts = self.target.signing, super().sync_auth_flow(request)
            try:
                attempt = next(attempts)
                unsigned = request_of(attempt)
                while True:
                    put(attempt, self._run(signing.sign(unsigned)), library)
                    response = yield attempt
                    try:
                        attempt = attempts.send(response)
                    except StopIteration:
                        break
            finally:
                attempts.close()
            response.read()
            self._run(verified_answer(signing, response))

        async def async_auth_flow(self, request: Any) -> Any:
            signing, attempts = self.target.signing, super().async_auth_flow(request)
            try:
                attempt = await anext(attempts)
                unsigned = request_of(attempt)
                while True:
                    put(attempt, await self._arun(signing.sign(unsigned)), library)
                    response = yield attempt
                    try:
                        attempt = await attempts.asend(response)
                    except StopAsyncIteration:
                        break
            finally:
                await attempts.aclose()
            await response.aread()
            await self._arun(verified_answer(signing, response))

    return SigningAuth
