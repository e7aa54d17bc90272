"""What a request says about grants: to create one, to add to one, or to replace what one holds.

Spec: GM 5.2, 5.4, 5.5, 7.1
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict

from fapikit.errors import ConfigurationError
from fapikit.grant_management import CREATE, MERGE, REPLACE
from rpkit.bank import Bank
from rpkit.login.asked import Asked
from rpkit.login.report import LoginReport
from rpkit.tokens.grant_id import require_grant_id
from rpkit.tokens.token_endpoint import TokenResponse

_REQUESTED: Final = (CREATE, MERGE, REPLACE)


class GrantParameters(TypedDict, total=False):
    """The parameters of grant management. `grant_id`: of the grant to merge into or to replace: `tokens.grant_id`."""

    grant_management_action: Literal["create", "merge", "replace"]
    grant_id: str


def require_action(bank: Bank, action: str) -> None:
    """Raises ConfigurationError unless the server lists this action. A list that is absent has none (GM 7.1)."""
    listed = bank.metadata.strings("grant_management_actions_supported") or ()
    if action not in listed:
        raise ConfigurationError(
            f"{bank.issuer} does not let clients {action} grants: its grant_management_actions_supported lists"
            f" {', '.join(listed) or 'nothing'}",
            clause="GM 7.1",
            facts={"member": "grant_management_actions_supported", "needed": action},
        )


def check_grant_management(bank: Bank, parameters: Mapping[str, Any]) -> None:
    """Raises ConfigurationError for a request that the server would refuse, before anything is sent."""
    action, grant_id = parameters.get("grant_management_action"), parameters.get("grant_id")
    if action is None:
        if grant_id is not None:
            raise ConfigurationError(
                "grant_id needs grant_management_action: merge or replace", clause="GM 5.4"
            )
        if bank.metadata.flag("grant_management_action_required"):
            raise ConfigurationError(
                f'{bank.issuer} wants an action in every request: add grant_management_action="create"',
                clause="GM 5.4",
                facts={"member": "grant_management_action_required"},
            )
        return
    if action not in _REQUESTED:
        raise ConfigurationError(
            f"grant_management_action is {str(action)[:20]!r}: use {', '.join(_REQUESTED)}", clause="GM 5.2"
        )
    if bank.settings.auth.method == "none":
        raise ConfigurationError(
            "only a client that authenticates manages grants: set auth to PrivateKeyJWT(key), for example",
            clause="GM 5.1",
        )
    require_action(bank, action)
    if (grant_id is None) != (action == CREATE):
        what = (
            "makes a new grant: leave grant_id out"
            if action == CREATE
            else "needs grant_id: the grant to change"
        )
        raise ConfigurationError(f"{action} {what}", clause="GM 5.2")
    if grant_id is not None:
        require_grant_id(grant_id)


def action_members(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The two fields that every `Asked` has, from the parameters of its request."""
    return {name: parameters.get(name) for name in GrantParameters.__annotations__}


def scope_at_most(asked: Asked) -> str | None:
    """What the answer may grant at most. None: a merged grant has what it had, too."""
    return None if asked.grant_management_action == MERGE else asked.scope


def report_grant(asked: Asked, response: TokenResponse, report: LoginReport) -> None:
    """Whether the server told which grant the tokens are of. The tokens are good in any case."""
    action, got = asked.grant_management_action, response.grant_id
    if action is None:
        return
    if got is None:
        report.noticed(
            "grant_id", "GM 5.5", f"not in the token response, so this grant cannot be managed: {action}"
        )
    elif asked.grant_id is not None and got != asked.grant_id:
        report.noticed("grant_id", "GM 5.5", f"{action} gave another grant than the one that was named")
    else:
        report.passed("the token response names its grant", "GM 5.5")
