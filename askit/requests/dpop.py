"""The DPoP proof of a request to this server: checked in full with its nonce; then its `jti` is marked as used.

The check comes before client authentication, so a nonce challenge does not use up the client's assertion. The mark is
written after the client has authenticated, or after the grant is known to be valid: so nobody else can fill the store.

Spec: RFC 9449 4.3, 4.3-10, 5, 8a, 8.2, 10.1, 11.1a, 11.1b, 11.3; FAPI2-SP 5.3.2.1-10, 5.3.2.1-12
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from fapikit.dpop import CheckedProof, check_proof, remember_proof
from fapikit.dpop.check import replay_mark
from fapikit.dpop.htu import normalise


def has_proof(request: Request) -> bool:
    return bool(request.headers.getlist("dpop"))


async def read_proof(
    core: Core,
    request: Request,
    *,
    access_token: str | None = None,
    bound_to: str | None = None,
) -> CheckedProof:
    """Check the proof of this request. `use_proof` must follow. Raises DPoPError or JwtError."""
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


async def use_proof(core: Core, proof: CheckedProof | None, client: Client) -> None:
    """Mark a checked proof as used, if there is one. Raises ReplayedProof; StoreError if the store cannot tell."""
    if proof is None:
        return
    store, scope, now = core.records.store, core.config.issuer, core.clock()
    await core.run(remember_proof(store, proof, now=now, scope=scope))
    key, ttl = replay_mark(proof, now=now, scope=scope)
    core.shares.charge(client.owners, len(key), ttl)
