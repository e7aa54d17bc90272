"""An error crosses to another process whole: a pool or a task queue pickles what its worker raised."""

from __future__ import annotations

import copy
import pickle

import pytest

from fapikit.errors import FapiError, NonceRequired, PeerRefused, Remedy, StoreUnavailable
from rpkit.errors import AuthorizationRefused, OtherAuthorizationServer, StepUpRequired

ERRORS = [
    StoreUnavailable("the store did not answer", facts={"why": "down"}, remedy=Remedy.FIX_CONFIGURATION),
    PeerRefused("refused", peer_code="invalid_grant", status=400, clause="RFC 6749 5.2"),
    NonceRequired("a nonce is needed", nonce="n0nce"),
    AuthorizationRefused(peer_code="access_denied", remedy=Remedy.SIGN_IN_AGAIN),
    StepUpRequired("more", acr_values=("high",), max_age=60, scope=None),
    OtherAuthorizationServer("another", authorization_servers=("https://other.example",)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_pickled_and_copied_whole(error: FapiError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
        assert (twin.fault, twin.remedy) == (error.fault, error.remedy)
        with pytest.raises(TypeError):
            twin.facts["more"] = "facts"
