"""The fuzz targets without a fuzzer: their seeds are good input, and hypothesis breaks them a little in each run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fapikit.errors import NonceRequired, SealBroken, WrongProofKey
from tests.fuzz.targets import TARGETS, run

# Seeds that are refused at the very end only, because a good answer would need a fresh nonce or key.
REFUSED_LATE = {"dpop_proof": NonceRequired, "dpop_signed": WrongProofKey}


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_reach_the_end_of_their_target(name: str) -> None:
    target, seeds = TARGETS[name]
    for seed in seeds:
        if name in REFUSED_LATE:
            with pytest.raises(REFUSED_LATE[name]):
                target(seed)
        else:
            target(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(st.data())
def test_a_seed_that_is_broken_somewhere_raises_typed_errors_only(name: str, data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(TARGETS[name][1])))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(seed)))
        length = data.draw(st.integers(0, 8))
        seed[start : start + length] = data.draw(st.binary(max_size=8))
    run(name, bytes(seed))


def test_an_error_that_is_not_typed_comes_out() -> None:
    with pytest.raises(KeyError):
        run("no such target", b"")
    assert issubclass(SealBroken, Exception)
