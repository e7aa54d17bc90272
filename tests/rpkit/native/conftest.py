"""A user with a browser on the machine of the program: it goes to the bank and brings back what the bank says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rpkit import Login
from rpkit.native import asign_in, sign_in
from tests.keys import claims_of
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank


class Browser:
    """`visit` is what it does with the URL that the program opens; `pages` are the responses of the program."""

    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank
        self.pages: list[httpx.Response] = []
        self.redirect_uri = ""
        self.problems: list[BaseException] = []
        self.visit: Callable[[str], object] = lambda url: self.get(self.bank.authorize(url))
        self._threads: list[threading.Thread] = []

    def open(self, url: str) -> bool:
        form: dict[str, Any] = self.bank.calls("par")[-1].form
        self.redirect_uri = (claims_of(form["request"]) if "request" in form else form)["redirect_uri"]
        thread = threading.Thread(target=self._run, args=(url,))
        self._threads.append(thread)
        thread.start()
        return True

    def _run(self, url: str) -> None:
        try:
            self.visit(url)
        except BaseException as problem:
            self.problems.append(problem)

    def get(self, url: str, **options: Any) -> httpx.Response:
        self.pages.append(httpx.get(url, timeout=20, **options))
        return self.pages[-1]

    def post(self, form: str, **options: Any) -> httpx.Response:
        headers = {"content-type": "application/x-www-form-urlencoded", **options.pop("headers", {})}
        self.pages.append(httpx.post(self.redirect_uri, content=form, headers=headers, timeout=20, **options))
        return self.pages[-1]

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank(clock=time.time)  # type: ignore[arg-type]


@pytest.fixture
def browser(bank: FakeBank) -> Any:
    made = Browser(bank)
    yield made
    made.join()
    assert made.problems == []


class Program:
    """The program of the user, with either client."""

    def __init__(self, clients: Clients, bank: FakeBank) -> None:
        self._clients, self._bank = clients, bank
        self.settings: dict[str, Any] = {"redirect_uri": None}

    def sign_in(self, **options: Any) -> Login:
        client = self._clients.of(self._bank, **self.settings)
        options = {"timeout": 10, **options}
        if self._clients._loop is None:
            return sign_in(client, **options)
        return self._clients._loop.run(asign_in(client._client, **options))


@pytest.fixture
def program(clients: Clients, bank: FakeBank) -> Program:
    return Program(clients, bank)
