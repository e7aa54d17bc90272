"""The signed artefacts of a login are written nowhere in clear unasked; whoever must keep them seals them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from fapikit import Seal
from fapikit.errors import SealBroken
from rpkit import Evidence, IdToken, Login
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import signed_in

SEAL = Seal([b"k" * 32])


@pytest.fixture
def login(clients: Clients, bank: FakeBank) -> Login:
    return signed_in(clients.of(bank), bank)


KEPT: list[Callable[[Login], Any]] = [
    lambda login: login.id_token,
    lambda login: login.evidence,
    lambda login: login,
    lambda login: {"session": [login.id_token]},
]


@pytest.mark.spec("FAPI2-MS 7")
@pytest.mark.parametrize("keep", KEPT)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_signed_artefact_is_not_pickled(login: Login, keep: Callable[[Login], Any], protocol: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(keep(login), protocol)


@pytest.mark.parametrize("keep", KEPT[:2])
def test_as_a_dictionary_it_shows_that_there_is_a_secret_and_not_which(
    login: Login, keep: Callable[[Login], Any]
) -> None:
    members = asdict(keep(login))
    shown = [repr(members), json.dumps(members, default=str), repr(copy.deepcopy(members))]
    for text in shown:
        assert login.id_token.token not in text
        assert "Secret(***)" in text


@pytest.mark.parametrize("keep", KEPT[:2])
def test_it_is_sealed_and_opened_whole(login: Login, keep: Callable[[Login], Any]) -> None:
    kept = keep(login)
    sealed = kept.seal(SEAL)
    assert login.id_token.token not in sealed
    assert type(kept).open(sealed, SEAL) == kept
    with pytest.raises(SealBroken):
        type(kept).open(sealed, Seal([b"x" * 32]))


def test_one_kind_of_sealed_value_is_not_opened_as_another(login: Login) -> None:
    for kind, sealed in ((Evidence, login.id_token.seal(SEAL)), (IdToken, login.evidence.seal(SEAL))):
        with pytest.raises(SealBroken):
            kind.open(sealed, SEAL)


@pytest.mark.parametrize(("kind", "context"), [(IdToken, "rpkit.id_token"), (Evidence, "rpkit.evidence")])
def test_what_another_version_sealed_is_refused_by_name(kind: type[IdToken | Evidence], context: str) -> None:
    with pytest.raises(SealBroken, match="another version"):
        kind.open(SEAL.seal_text(b'{"later": "member"}', context), SEAL)


def test_copies_are_what_they_were(login: Login) -> None:
    for kept in (login.id_token, login.evidence):
        assert copy.copy(kept) == copy.deepcopy(kept) == kept
    assert login.evidence.id_token == login.id_token.token
    assert login.evidence.request_object is None
