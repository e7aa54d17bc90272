"""The DPoP proof of a request to this server: checked in full, its nonce demanded, then its `jti` remembered.

The check comes before client authentication, so that a nonce challenge costs the client no assertion; the memory
comes after it, so that strangers cannot fill the store.

Spec: RFC 9449 4.3, 4.3-10, 5, 8a, 8.2, 10.1, 11.1a, 11.1b, 11.3; FAPI2-SP 5.3.2.1-10, 5.3.2.1-12
Role: AS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from fapikit.dpop import CheckedProof, check_proof, remember_proof
from fapikit.dpop.htu import normalise

if TYPE_CHECKING:
    from askit.core import Core


def has_proof(request: Request) -> bool:
    return bool(request.headers.getlist("dpop"))


async def read_proof(
    core: Core,
    request: Request,
    *,
    access_token: str | None = None,
    bound_to: str | None = None,
) -> CheckedProof:
    """Check the proof beside this request; `use_proof` must follow. Raises DPoPError or JwtError."""
    proofs = request.headers.getlist("dpop")
    url = normalise(core.url(request.url.path))
    return check_proof(
        proofs,
        method=request.method,
        urls={url} if url else set(),
        now=core.clock(),
        algorithms=core.profile.signing_algorithms,
        access_token=access_token,
        bound_to=bound_to,
        nonces=await core.nonces(),
    )


async def use_proof(core: Core, proof: CheckedProof) -> None:
    """Mark a checked proof as used. Raises ReplayedProof; StoreError if that cannot be known."""
    store, scope = core.records.store, core.config.issuer
    await core.run(remember_proof(store, proof, now=core.clock(), scope=scope))
