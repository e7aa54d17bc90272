"""Grant management in the settings: which actions there are, and whether every request must name one.

Spec: GM 5.1, 6.1, 7.1
Role: AS
"""

from __future__ import annotations

from dataclasses import dataclass

from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.grant_management import ACTIONS, CREATE, SCOPES


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantManagement:
    """`actions`: those that this server has, for every client that authenticates and registered no fewer.

    `action_required`: each authorization request must have one, so no public client can send any.
    """

    actions: tuple[str, ...] = ACTIONS
    action_required: bool = False

    @classmethod
    def read(cls, table: Table) -> GrantManagement:
        """Raises ConfigurationError."""
        actions = table.optional_strings("actions")
        settings = cls(
            actions=ACTIONS if actions is None else actions,
            action_required=table.boolean("action_required", False),
        )
        table.require_nothing_else()
        return settings

    def __post_init__(self) -> None:
        if unknown := set(self.actions) - set(ACTIONS):
            raise ConfigurationError(
                f"grant_management.actions has {min(unknown)!r}: use {', '.join(ACTIONS)}",
                clause="GM 7.1",
                facts={"setting": "grant_management.actions"},
            )
        if self.action_required and CREATE not in self.actions:
            raise ConfigurationError(
                "grant_management.action_required needs create in grant_management.actions: without it no client"
                " could get its first grant",
                clause="GM 7.1",
                facts={"setting": "grant_management.action_required"},
            )

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the grant management endpoint, as far as its actions exist."""
        return tuple(scope for action, scope in SCOPES.items() if action in self.actions)
