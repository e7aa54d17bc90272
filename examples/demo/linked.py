"""What the fintech remembers about one browser: the banks that the customer linked, and the payments made there."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from examples.demo import web_app
from examples.demo.banks import Bank
from rpkit import Login, TokenSet


@dataclass
class Ordered:
    """One payment that the customer agreed to at the bank. `key`: its Idempotency-Key, and its name in addresses."""

    detail: dict[str, Any]
    tokens: TokenSet
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt: dict[str, Any] | None = None
    refusal: str = ""


@dataclass
class Link:
    """A linked bank. `ended`: that the consent is over, in words for the customer. `why`: in words for developers."""

    bank: Bank
    login: Login
    since: float = field(default_factory=time.time)
    orders: list[Ordered] = field(default_factory=list)
    ended: str = ""
    why: str = ""

    @property
    def scopes(self) -> list[str]:
        return (self.login.tokens.scope or "").split()

    @property
    def all_tokens(self) -> list[TokenSet]:
        return [self.login.tokens, *(order.tokens for order in self.orders)]

    def belongs_to(self, login: Login) -> bool:
        """Whether the same customer of the bank signed in once more."""
        one, other = self.login.id_token, login.id_token
        return one is not None and other is not None and one.subject == other.subject

    def order(self, detail: dict[str, Any], tokens: TokenSet) -> Ordered:
        self.orders.append(Ordered(detail, tokens))
        return self.orders[-1]


@dataclass
class Session(web_app.Session):
    """`links`: by the name of the bank."""

    links: dict[str, Link] = field(default_factory=dict)

    def link(self, bank: Bank, login: Login) -> None:
        """The customer has linked a bank. What was linked there before is forgotten."""
        self.links[bank.name] = Link(bank, login)

    def end(self, link: Link, ended: str, why: str = "") -> None:
        """The consent is over. The link stays, so that the customer is told."""
        link.ended, link.why = ended, why
        self.logins.pop(link.bank.name, None)

    def order_of(self, key: str) -> tuple[Link, Ordered] | None:
        every = ((link, order) for link in self.links.values() for order in link.orders)
        return next(((link, order) for link, order in every if order.key == key), None)
