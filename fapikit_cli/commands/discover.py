"""`fapikit discover`: what a server says about itself.

Spec: RFC 8414 3; OIDC Discovery 4
Role: C
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapikit_cli.options import CaOption, IssuerArgument, JsonOption
from fapikit_cli.printing import say, show_json, show_table
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit.metadata_audit import AuditReport
    from fapikit_cli.server.published import Document, Published

app = new_app()


@app.command()
def discover(issuer: IssuerArgument, ca: CaOption = None, json: JsonOption = False) -> None:
    """Read both metadata documents of a server: what it can do, where they differ, and which profiles it fits.

    It ends with 1 if the server has no metadata that a client would use, and with 3 if it does not answer.
    """
    from fapikit.metadata_audit import audit
    from fapikit.profiles import OAUTH_2_1, PROFILES
    from fapikit_cli.server.caller import Caller
    from fapikit_cli.server.published import read_published

    with Caller(OAUTH_2_1, ca=ca) as caller:
        published = read_published(issuer, caller)
    metadata = published.metadata
    reports = [audit(metadata, profile) for profile in PROFILES]
    if json:
        show_json(_as_json(published, reports))
        return
    _show(published, reports)


def _show(published: Published, reports: list[AuditReport]) -> None:
    from fapikit_cli.server.abilities import abilities

    show_table(
        ("document", "result"),
        [(document.url, _result(document)) for document in published.documents],
        title=f"Metadata of {published.issuer}",
        styles=["good" if document.metadata else "doubt" for document in published.documents],
    )
    if differences := published.differences():
        say()
        show_table(
            ("member", *(document.kind for document in published.documents)),
            [(name, _short(one), _short(other)) for name, one, other in differences],
            title="The documents differ, and a client uses one of them",
            styles=["doubt"] * len(differences),
        )
    say()
    show_table(("the server can", "by its metadata"), abilities(published.metadata), title="What it can do")
    say()
    show_table(
        ("profile", "fits", "rules that do not hold"),
        [(report.profile, "yes" if report.holds else "no", _lacking(report)) for report in reports],
        title="Which profiles its metadata fit",
        styles=["good" if report.holds else "bad" for report in reports],
    )
    say()
    say(
        f"Next: fapikit doctor {published.issuer} --profile PROFILE  looks at more than metadata.",
        style="faint",
    )


def _as_json(published: Published, reports: list[AuditReport]) -> dict[str, Any]:
    from fapikit_cli.failing import error_as_json
    from fapikit_cli.server.abilities import abilities

    return {
        "issuer": published.issuer,
        "documents": [
            {
                "url": document.url,
                "usable": document.metadata is not None,
                "error": None if document.error is None else error_as_json(document.error),
                "members": dict(document.members),
            }
            for document in published.documents
        ],
        "differences": [
            {"member": name, **dict(zip((d.kind for d in published.documents), values, strict=True))}
            for name, *values in published.differences()
        ],
        "abilities": dict(abilities(published.metadata)),
        "profiles": {
            report.profile: {
                "fits": report.holds,
                "lacking": [
                    {"clause": row.clause, "requirement": row.requirement, "found": row.found}
                    for row in report.lacking
                ],
            }
            for report in reports
        },
    }


def _result(document: Document) -> str:
    return "usable" if document.error is None else f"not usable: {document.error}"


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "absent" if value is None else str(value)


def _lacking(report: AuditReport) -> str:
    return "\n".join(f"{row.requirement} [{row.clause}]" for row in report.lacking)
