"""Names of blank letters: a page must not say that nobody wants to reach the account."""

from __future__ import annotations

import pytest

from askit.pages.words import plain
from tests.askit.bank import FINTECH, OTHER, Bank, an_api

APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


@pytest.mark.parametrize("name", [" ", "\u3164", "\u2800 \u2800", "\u200b", "\u0301"])
def test_a_client_that_hides_its_name_is_shown_by_its_identifier(name: str) -> None:
    bank = Bank(clients=[{**FINTECH, "client_name": name}, OTHER, *APIS])
    assert [client.name for client in bank.config.clients if client.client_id == "fintech"] == ["fintech"]


@pytest.mark.parametrize("blank", ["\u3164", "\u2800", "\u200b", "\n"])
def test_a_blank_in_a_name_is_a_space(blank: str) -> None:
    assert plain(f"Till{blank}4") == "Till 4"
