"""How the commands tell of logins and tokens: what was checked, what was granted, and where it is kept.

Role: RP
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fapikit_cli.acting import Acting
from fapikit_cli.printing import say, show_table
from rpkit import Login, LoginReport, TokenSet

_STYLES = {"passed": "good", "skipped": "faint", "noticed": "doubt", "borne": "doubt"}


def tell_report(report: LoginReport) -> None:
    """Each check of a login, with its clause."""
    show_table(
        ["check", "outcome", "clause", "detail"],
        [(check.name, check.outcome, check.clause, check.detail) for check in report],
        styles=[_STYLES[check.outcome] for check in report],
    )


def login_as_json(login: Login, file: Path) -> dict[str, Any]:
    return {
        "subject": None if login.id_token is None else login.id_token.subject,
        "acr": None if login.id_token is None else login.id_token.claims.get("acr"),
        **tokens_as_json(login.tokens, file),
        "checks": [
            {"check": check.name, "outcome": check.outcome, "clause": check.clause, "detail": check.detail}
            for check in login.report
        ],
    }


def tokens_as_json(tokens: TokenSet, file: Path | None) -> dict[str, Any]:
    """What may be told of tokens: everything but the tokens."""
    return {
        "issuer": tokens.issuer,
        "client_id": tokens.client_id,
        "scope": tokens.scope,
        "authorization_details": list(tokens.authorization_details),
        "access_tokens": [
            {
                "resource": token.resource,
                "scope": token.scope,
                "type": token.token_type,
                "expires_at": token.expires_at,
                "bound_to": _bound_to(tokens, token.x5t_s256),
            }
            for token in tokens.access_tokens
        ],
        "refresh_token": tokens.refresh_token is not None,
        "token_file": None if file is None else str(file),
    }


def tell_tokens(tokens: TokenSet) -> None:
    """What was granted, without the tokens."""
    rows: list[tuple[str, object]] = [("scope", tokens.scope or "none")]
    rows += [("authorization details", _in_short(detail)) for detail in tokens.authorization_details]
    for token in tokens.access_tokens:
        ends = "" if token.expires_at is None else f", ends {_in_words(token.expires_at)}"
        bound = _bound_to(tokens, token.x5t_s256) or "nothing: whoever has it can use it"
        rows.append(("access token", f"for {token.resource or 'any API'}{ends}, bound to {bound}"))
    rows.append(("refresh token", "no" if tokens.refresh_token is None else "yes"))
    for name, value in rows:
        say(f"{name + ':':24}{value}")


def tell_kept(acting: Acting, api: str | None) -> None:
    """Where the tokens are now, and the command that uses them. `api`: the one that they are for."""
    say(f"{'kept in:':24}{acting.tokens.path}")
    if api is not None and api == acting.file.api:
        say(f"{'next:':24}{acting.next('call /PATH')}    (below {api})")
    elif api is not None:
        say(f"{'next:':24}{acting.next(f'call {quoted([api])}')}")


def may_show_secrets(show_tokens: bool) -> bool:
    """Whether a secret may go to stdout: it is a pipe or a file, or the person has asked for it."""
    return show_tokens or not sys.stdout.isatty()


def quoted(words: Iterable[str]) -> str:
    """Words as one argument of a shell. A server may have chosen them, and whoever reads them may paste them."""
    return shlex.quote(" ".join(dict.fromkeys(words)))


def _bound_to(tokens: TokenSet, x5t_s256: str | None) -> str | None:
    if tokens.dpop is not None:
        return f"the DPoP key {tokens.dpop.jkt[:12]}..."
    return None if x5t_s256 is None else f"the certificate {x5t_s256[:12]}..."


def _in_short(detail: Any) -> str:
    return f"{detail.get('type')} ({', '.join(name for name in detail if name != 'type')})"


def _in_words(moment: float) -> str:
    left = max(0, round(moment - time.time()))
    return f"in {left} s ({datetime.fromtimestamp(moment, UTC):%H:%M:%S} UTC)"
