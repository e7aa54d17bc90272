"""The types of authorization details that this server knows, and the check of a detail against its type.

A type belongs to the APIs that it names in `resource`. Tokens for other APIs do not contain its details.
A type is described by a JSON Schema (`schema`), or by its short form: `fields` gives the JSON type of each field, as
a name ("string", "number", "boolean", "array", "object") or as a table of the object's own fields. A type with
`fields` or `required` is closed: any other field is refused. The common fields of RFC 9396 2.2 are in every type.

Spec: RFC 9396 2, 2.2, 5; RFC 9396 7
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from askit.config.details_schema import BrokenDetail, compiled, read_schema, short_schema
from askit.config.lodging import Lodging
from askit.config.table import Table
from askit.config.values import Resource
from askit.errors import InvalidAuthorizationDetails
from fapikit.errors import ConfigurationError
from fapikit.setting_types import check_text_settings

CONSENT_ID: Final = "consent_id"
CONSENT_EXPIRES_AT: Final = "consent_expires_at"
GIVEN_HERE: Final = (CONSENT_ID, CONSENT_EXPIRES_AT)
"""Members that this server adds to each granted detail of a `single_use` type, and to each one that was lodged. No
client may send them.

They hold the consent's id and its end, in seconds since 1970.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsType:
    """One `type`. `resources`: the APIs it belongs to. Each consent to a `single_use` type is used once, at one API.

    A type without `resources` belongs to no API, so no token contains it; `Config` says where that is refused.
    `schema`: a JSON Schema of the whole detail, instead of `required`, `fields` and `actions`. `end_member`: the member
    in which a request says when the consent to its detail ends. `lodged`: no request has details of this type, because
    clients lodge them before.
    """

    type: str
    name: str = ""
    resources: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    single_use: bool = False
    end_member: str | None = None
    schema: Mapping[str, Any] | None = None
    lodged: Lodging | None = None
    _check: Callable[[Mapping[str, Any]], None] = field(init=False, repr=False, compare=False)

    @classmethod
    def read(cls, table: Table, base: Path) -> DetailsType:
        """`base`: the directory of the schema's file. Raises ConfigurationError."""
        details = cls(
            type=table.string("type"),
            schema=read_schema(table.optional_string_or_members("schema"), base, table.name("schema")),
            name=table.optional_string("name") or "",
            resources=table.string_or_strings("resource"),
            required=table.strings("required"),
            fields=table.members("fields"),
            actions=table.strings("actions"),
            single_use=table.boolean("single_use", False),
            end_member=table.optional_string("end_member"),
            lodged=Lodging.read(lodged, base) if (lodged := table.table("lodged")) else None,
        )
        table.require_nothing_else()
        return details

    def __post_init__(self) -> None:
        check_text_settings(self)
        named = f"authorization_details_types ({self.type})"
        if self.single_use and len(self.resources) > 1:
            raise ConfigurationError(
                f"{named}: single_use needs one API, but resource names several: each would use the consent once"
            )
        if self.end_member is not None and (not self.end_member or self.end_member in ("type", *GIVEN_HERE)):
            raise ConfigurationError(
                f"{named}: end_member = {self.end_member!r} must be a member of the type's own, such as valid_until",
                facts={"setting": "authorization_details_types.end_member"},
            )
        if self.end_member is not None and self.lodged is not None:
            raise ConfigurationError(
                f"{named}: end_member is for requests, and a lodged type has an end of its own: remove one",
                facts={"setting": "authorization_details_types.end_member"},
            )
        if own := {*self.fields, *self.required}.intersection(GIVEN_HERE):
            raise ConfigurationError(f"{named}: {min(own)} is set by this server: remove it from the fields")
        if self.schema is not None and (self.required or self.fields or self.actions):
            raise ConfigurationError(
                f"{named}: schema says all that required, fields and actions say: give it alone",
                facts={"setting": "authorization_details_types.schema"},
            )
        object.__setattr__(self, "_check", self._compiled(named))

    def _compiled(self, named: str) -> Callable[[Mapping[str, Any]], None]:
        schema = self.schema
        if schema is None:
            schema = short_schema(
                required=self.required, fields=self.fields, actions=self.actions, setting=named
            )
        return compiled(
            schema,
            type_=self.type,
            resources=self.resources,
            given_here=GIVEN_HERE,
            setting=f"{named}: schema",
        )

    def check(self, detail: Mapping[str, Any]) -> None:
        """Raise InvalidAuthorizationDetails unless the detail is of this type in every field."""
        try:
            self._check(detail)
        except BrokenDetail as broken:
            field_ = broken.path[:60].encode("ascii", "replace").decode("ascii")
            what = "is set by this server: leave it out" if field_ in GIVEN_HERE else broken.what
            raise InvalidAuthorizationDetails(
                f"authorization_details of type {self.type}: {field_} {what}",
                facts={"type": self.type, "field": field_},
            ) from None


def check_lodgings(
    lodgings: Iterable[tuple[DetailsType, Lodging]], resources: Iterable[Resource], *, action_required: bool
) -> None:
    """Raises ConfigurationError for what contradicts the other settings."""
    paths, apis = set[str](), tuple(resources)
    for known, lodging in lodgings:
        named, setting = (
            f"authorization_details_types ({known.type}): lodged",
            "authorization_details_types.lodged",
        )
        scopes = {scope for api in apis if api.uri in known.resources for scope in api.scopes}
        if lodging.scope not in scopes:
            raise ConfigurationError(
                f"{named}.scope = {lodging.scope!r} is no scope of an API in resource: clients need a token with it",
                clause="LODGING 1",
                facts={"setting": f"{setting}.scope"},
            )
        if lodging.path in paths:
            raise ConfigurationError(
                f"{named}.path = {lodging.path!r} is given twice: each type has a path of its own",
                clause="LODGING 1",
                facts={"setting": f"{setting}.path"},
            )
        if action_required:
            raise ConfigurationError(
                f"{named} contradicts grant_management.action_required: the grant of an intent is not managed",
                facts={"setting": "grant_management.action_required"},
            )
        paths.add(lodging.path)
