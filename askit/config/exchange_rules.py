"""Which clients may exchange which tokens: the tables `[[token_exchange]]`.

A client that is registered for the grant, and named in no table, may exchange only its own access tokens, for less.

Spec: RFC 8693 2.1e, 4.4, 5
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from askit.clients.client import Client
from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.urns import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, TOKEN_EXCHANGE

TOKEN_TYPES: Final = {"access_token": ACCESS_TOKEN_TYPE, "id_token": ID_TOKEN_TYPE}
"""The types of tokens that can be exchanged here, by their names in the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRule:
    """What `clients` may exchange. They may hand in their own tokens, and with `received_tokens` those for their API.

    `token_types`: the types that they may hand in, by the keys of `TOKEN_TYPES`. `resources`: the APIs that a new token
    may be for, beside the API of the token that is handed in. `impersonation`: without an `actor_token`, the new token
    names no actor. `proof_checked_by_api`: a bound token for their API needs no proof of its key here, because the API
    has checked that proof.
    """

    clients: tuple[str, ...] = ()
    received_tokens: bool = False
    token_types: tuple[str, ...] = ("access_token",)
    resources: tuple[str, ...] = ()
    impersonation: bool = False
    proof_checked_by_api: bool = False

    @classmethod
    def read(cls, table: Table) -> ExchangeRule:
        """Raises ConfigurationError."""
        rule = cls(
            clients=table.strings("clients"),
            received_tokens=table.boolean("received_tokens", False),
            token_types=table.optional_strings("token_types") or ("access_token",),
            resources=table.strings("resources"),
            impersonation=table.boolean("impersonation", False),
            proof_checked_by_api=table.boolean("proof_checked_by_api", False),
        )
        table.require_nothing_else()
        return rule


OWN_ACCESS_TOKENS: Final = ExchangeRule()
"""The rule for a client that no table names."""


def check_exchange_rules(
    rules: Iterable[ExchangeRule], clients: Iterable[Client], resources: Iterable[str]
) -> None:
    """Raise ConfigurationError for a rule that names a client, a type or an API that is not there."""
    known, apis, named = {client.client_id: client for client in clients}, set(resources), set[str]()
    for rule in rules:
        if not rule.clients:
            raise _wrong("clients", "is missing: name the clients that may exchange tokens")
        for client_id in rule.clients:
            _check_client(client_id, known.get(client_id))
            if client_id in named:
                raise _wrong("clients", f"has {client_id!r} twice: one table for each client")
            named.add(client_id)
        if unknown := set(rule.token_types) - TOKEN_TYPES.keys():
            raise _wrong("token_types", f"has {min(unknown)!r}: use {', '.join(TOKEN_TYPES)}")
        if unknown := set(rule.resources) - apis:
            raise _wrong("resources", f"has an API that is not configured: {min(unknown)!r}")
        if rule.proof_checked_by_api and not rule.received_tokens:
            raise _wrong(
                "proof_checked_by_api",
                "needs received_tokens = true, because it is about those",
            )


def _check_client(client_id: str, client: Client | None) -> None:
    if client is None:
        raise _wrong("clients", f"has no configured client {client_id!r}")
    if TOKEN_EXCHANGE not in client.grant_types:
        raise _wrong("clients", f"has {client_id!r}, whose grant_types do not have {TOKEN_EXCHANGE}")
    if client.auth_method == "none":
        raise _wrong("clients", f"has {client_id!r}, a public client: it cannot exchange tokens")


def _wrong(setting: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"token_exchange: {setting} {why}",
        clause="RFC 8693 2.1e",
        facts={"setting": f"token_exchange.{setting}"},
    )
