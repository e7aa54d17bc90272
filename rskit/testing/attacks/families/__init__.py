"""The attacks, one file for each family, in the order in which they are sent.

Attacks that move the clock come last: after them, everything made before has expired.

Spec: FAPI2-SP 5.3.4
Role: RS
"""

from rskit.testing.attacks.families import (
    algorithms,
    answers,
    confirmation,
    credentials,
    grants,
    header_extensions,
    header_keys,
    issuer_and_audience,
    lifetimes,
    nonces,
    paths,
    proof_keys,
    proof_shapes,
    proof_targets,
    proof_times,
    replays,
    signatures,
    token_kinds,
    websockets,
    without_token,
)

FAMILIES = (
    *credentials.FAMILIES,
    *algorithms.FAMILIES,
    *signatures.FAMILIES,
    *header_keys.FAMILIES,
    *header_extensions.FAMILIES,
    *token_kinds.FAMILIES,
    *issuer_and_audience.FAMILIES,
    *grants.FAMILIES,
    *confirmation.FAMILIES,
    *proof_keys.FAMILIES,
    *proof_shapes.FAMILIES,
    *proof_targets.FAMILIES,
    *without_token.FAMILIES,
    *paths.FAMILIES,
    *websockets.FAMILIES,
    *answers.FAMILIES,
    *proof_times.FAMILIES,
    *replays.FAMILIES,
    *nonces.FAMILIES,
    *lifetimes.FAMILIES,
)
