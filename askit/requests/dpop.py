"""The DPoP proof of a request to this server: checked in full with its nonce; then its `jti` is marked as used.

The check comes before client authentication, so a nonce challenge does not use up the client's assertion. The mark is
written after the client has authenticated, or after the grant is known to be valid: so nobody else can fill the store.

Spec: RFC 9449 4.3, 4.3-10, 5, 8a, 8.2, 10.1, 11.1a, 11.1b, 11.3; FAPI2-SP 5.3.2.1-10, 5.3.2.1-12
Role: AS
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidRequest
from askit.record_store import Step
from fapikit.dpop import CheckedProof, check_proof, replay_mark
from fapikit.dpop.check import replayed
from fapikit.dpop.htu import normalise
from fapikit.profiles import Profile
from fapikit.stores.together import Operation


def has_proof(request: Request) -> bool:
    return bool(request.headers.getlist("dpop"))


def require_dpop(profile: Profile, what: str) -> None:
    """Raise InvalidRequest for `what` a client sends to have a token bound to a key, unless the profile has that."""
    if "dpop" not in profile.sender_constraints:
        raise InvalidRequest(
            f"{profile.name} does not bind access tokens to DPoP keys: leave out {what}",
            clause=profile.clause("sender_constraints"),
        )


async def read_proof(
    core: Core,
    request: Request,
    *,
    access_token: str | None = None,
    bound_to: str | None = None,
) -> CheckedProof:
    """Check the proof of this request. `use_proof` must follow.

    Raises DPoPError or JwtError; InvalidRequest if the profile binds no tokens to keys.
    """
    require_dpop(core.profile, "the DPoP header")
    proofs = request.headers.getlist("dpop")
    url = core.url(request.url.path)
    names = {normalise(url), normalise(core.alias(url))}
    return check_proof(
        proofs,
        method=request.method,
        urls={name for name in names if name},
        now=core.clock(),
        algorithms=core.profile.signing_algorithms,
        access_token=access_token,
        bound_to=bound_to,
        nonces=await core.nonces(),
    )


async def use_proof(core: Core, proof: CheckedProof | None, client: Client, *others: Step[Any]) -> list[Any]:
    """Mark a checked proof as used, if there is one; then do other steps, in the same trip. Returns their results.

    Raises ReplayedProof, and then has done none of the others; StoreError if the store cannot tell.
    """
    if proof is None:
        return await core.records.together(*others) if others else []
    key, ttl = replay_mark(proof, now=core.clock(), scope=core.config.issuer)
    first, *results = await core.records.together(
        Step(Operation("add", key, b"1", ttl), owners=client.owners), *others
    )
    if not first:
        raise replayed()
    return results
