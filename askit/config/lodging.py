"""Where clients lodge details of one type before they ask a user, and in which shape.

Spec: LODGING 1, 6
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from askit.config.details_schema import compiled_body, read_schema
from askit.config.error_styles import ERROR_STYLES, ErrorStyle, oauth
from askit.config.lodged_bodies import BODIES
from askit.config.table import Table
from fapikit.errors import ConfigurationError
from fapikit.lodged_intents import SHAPES, IntentShape

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+")
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,31}")
_DEFAULT_PATHS: Final = {
    "uk-account-access": "/open-banking/v4.0/aisp/account-access-consents",
    "uk-domestic-payment": "/open-banking/v4.0/pisp/domestic-payment-consents",
    "brazil-consent": "/open-banking/consents/v3/consents",
    "berlin-group-consent": "/v1/consents",
    "berlin-group-payment": "/v1/payments/sepa-credit-transfers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lodging:
    """`shape`: a name of `fapikit.lodged_intents.SHAPES`. `path`: of the consent resource, below the issuer.

    `scope`: what the client's own token needs, a scope of the type's API. `authorise_within`: seconds until an intent
    that no user decided on lapses. `namespace`: that of the URNs of Brazil. `body_schema`: a JSON Schema of the whole
    body, instead of ours for this shape. `errors`: how a refusal is written. `check`: raises BrokenDetail for a body
    that breaks the schema.
    """

    shape: IntentShape
    scope: str
    path: str
    authorise_within: float = 3600.0
    namespace: str = "bank"
    body_schema: Mapping[str, Any] | None = None
    errors: ErrorStyle = oauth
    check: Callable[[Mapping[str, Any]], None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        schema = BODIES[self.shape.name] if self.body_schema is None else self.body_schema
        setting = "authorization_details_types.lodged.body_schema"
        object.__setattr__(self, "check", compiled_body(schema, setting))

    @classmethod
    def read(cls, table: Table, base: Path) -> Lodging:
        """`base`: the directory of the schema's file. Raises ConfigurationError."""
        name = table.string("shape")
        shape = SHAPES.get(name)
        if shape is None:
            raise ConfigurationError(
                f"{table.name('shape')} = {name!r} is unknown: use one of {', '.join(SHAPES)}",
                facts={"setting": table.name("shape")},
            )
        path = table.optional_string("path") or _DEFAULT_PATHS[name]
        if not _PATH.fullmatch(path):
            raise ConfigurationError(
                f"{table.name('path')} must be a path such as /v1/consents, without a slash at its end",
                facts={"setting": table.name("path")},
            )
        namespace = table.optional_string("namespace") or "bank"
        if not _NAMESPACE.fullmatch(namespace):
            raise ConfigurationError(
                f"{table.name('namespace')} must be 2 to 32 letters, digits and hyphens",
                clause="LODGING 6",
                facts={"setting": table.name("namespace")},
            )
        style = table.optional_string("errors") or "oauth"
        if style not in ERROR_STYLES:
            raise ConfigurationError(
                f"{table.name('errors')} = {style!r} is unknown: use one of {', '.join(ERROR_STYLES)}",
                facts={"setting": table.name("errors")},
            )
        lodging = cls(
            errors=ERROR_STYLES[style],
            shape=shape,
            scope=table.string("scope"),
            path=path,
            authorise_within=table.optional_seconds("authorise_within") or 3600.0,
            namespace=namespace,
            body_schema=read_schema(
                table.optional_string_or_members("body_schema"), base, table.name("body_schema")
            ),
        )
        table.require_nothing_else()
        return lodging
