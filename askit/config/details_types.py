"""The types of authorization details that this server knows, and the check of a detail against its type.

A type belongs to the APIs that it names in `resource`. Tokens for other APIs do not contain its details.
A type with `fields` or `required` is closed: any other field is refused. `fields` gives the JSON type of each
field, as a name ("string", "number", "boolean", "array", "object") or as a table of the object's own fields.
The common fields of RFC 9396 2.2 are allowed in every type.

Spec: RFC 9396 2, 2.2, 5; RFC 9396 7
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from askit.config.table import Table
from askit.errors import InvalidAuthorizationDetails
from fapikit.errors import ConfigurationError

CONSENT_ID: Final = "consent_id"
CONSENT_EXPIRES_AT: Final = "consent_expires_at"
GIVEN_HERE: Final = (CONSENT_ID, CONSENT_EXPIRES_AT)
"""Members that this server adds to each granted detail of a `single_use` type. No client may send them.

They hold the consent's id and its end, in seconds since 1970.
"""

_COMMON: Final = ("locations", "actions", "datatypes", "privileges")
_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsType:
    """One `type`. `resources`: the APIs it belongs to. Each consent to a `single_use` type is used once, at one API.

    A type without `resources` belongs to no API, so no token contains it; `Config` says where that is refused.
    """

    type: str
    name: str = ""
    resources: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    single_use: bool = False

    @classmethod
    def read(cls, table: Table) -> DetailsType:
        """Raises ConfigurationError."""
        details = cls(
            type=table.string("type"),
            name=table.optional_string("name") or "",
            resources=table.string_or_strings("resource"),
            required=table.strings("required"),
            fields=table.members("fields"),
            actions=table.strings("actions"),
            single_use=table.boolean("single_use", False),
        )
        table.require_nothing_else()
        return details

    def __post_init__(self) -> None:
        named = f"authorization_details_types ({self.type})"
        if self.single_use and len(self.resources) > 1:
            raise ConfigurationError(
                f"{named}: single_use needs one API, but resource names several: each would use the consent once"
            )
        if own := {*self.fields, *self.required}.intersection(GIVEN_HERE):
            raise ConfigurationError(f"{named}: {min(own)} is set by this server: remove it from the fields")
        _require_schema(self.fields, f"{named}: fields")

    def check(self, detail: Mapping[str, Any]) -> None:
        """Raise InvalidAuthorizationDetails unless the detail is of this type in every field."""
        for name in GIVEN_HERE:
            if name in detail:
                raise self._refuse("is set by this server: leave it out", name)
        for name in self.required:
            if name not in detail:
                raise self._refuse("is missing", name)
        self._check_common(detail)
        if self.required or self.fields:
            known = {"type", "identifier", *_COMMON, *self.required, *self.fields}
            for name in detail:
                if name not in known:
                    raise self._refuse("is not a field of this type", name)
        for name, expected in self.fields.items():
            if name in detail:
                self._check_value(detail[name], expected, name)

    def _check_common(self, detail: Mapping[str, Any]) -> None:
        for name in _COMMON:
            value = detail.get(name, [])
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise self._refuse("must be an array of strings", name)
        if not isinstance(detail.get("identifier", ""), str):
            raise self._refuse("must be a string", "identifier")
        if not set(detail.get("locations", [])) <= set(self.resources):
            raise self._refuse("has an API that this type does not belong to", "locations")
        if self.actions and not set(detail.get("actions", [])) <= set(self.actions):
            raise self._refuse("has an unknown action", "actions")

    def _check_value(self, value: Any, expected: Any, path: str) -> None:
        if isinstance(expected, str):
            if not isinstance(value, _JSON_TYPES[expected]) or (
                expected == "number" and isinstance(value, bool)
            ):
                raise self._refuse(f"must be of the JSON type {expected}", path)
            return
        if not isinstance(value, dict) or value.keys() != expected.keys():
            raise self._refuse(f"must be an object with exactly {', '.join(sorted(expected))}", path)
        for name, inner in expected.items():
            self._check_value(value[name], inner, f"{path}.{name}")

    def _refuse(self, what: str, path: str) -> InvalidAuthorizationDetails:
        shown = path[:60].encode("ascii", "replace").decode("ascii")
        return InvalidAuthorizationDetails(
            f"authorization_details of type {self.type}: {shown} {what}",
            facts={"type": self.type, "field": shown},
        )


def _require_schema(fields: Mapping[str, Any], where: str) -> None:
    for name, expected in fields.items():
        if isinstance(expected, dict):
            _require_schema(expected, f"{where}.{name}")
        elif expected not in _JSON_TYPES:
            raise ConfigurationError(
                f"{where}.{name} must be one of {', '.join(_JSON_TYPES)}, or a table of fields"
            )
