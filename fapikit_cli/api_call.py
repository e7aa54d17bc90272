"""One call of an API for a person at a terminal: what is sent, what is shown, and what a refusal means.

Spec: RFC 8707 2; RFC 9449 7.1; RFC 9470 4
Role: RP
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fapikit.errors import FapiError
from fapikit.urls import has_origin, origin_of
from fapikit_cli.acting import Acting
from fapikit_cli.client_file import ClientFile
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.failing import WrongUsage
from fapikit_cli.printing import shown
from fapikit_cli.refused_call import tell_failed_call, tell_refused_call
from rpkit import TokenSet
from rpkit.errors import GrantEnded, NoAccessToken, StepUpRequired

_LARGEST_BODY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    method: str
    url: str
    headers: tuple[str, ...]
    data: str | None
    json_body: str | None
    resource: str | None


def make_call(
    asked: Asked,
    client: Path | None,
    tokens: Path | None,
    record: Path | None,
    *,
    output: Path | None,
    include: bool,
) -> ExitStatus:
    """Make the call and show the answer. Raises WrongUsage, FapiError, OSError."""
    acting = Acting.by(client, tokens)
    held = acting.tokens.require()
    url = absolute_url(asked.url, acting.file)
    resource = asked.resource or resource_for(url, held, sign_in=acting.next("login --resource URL"))
    headers, body = _headers_and_body(asked)
    with acting.connected(record) as rp, rp.api(held, base_url=origin_of(url), resource=resource) as api:
        try:
            answer = api.request(asked.method, url, headers=headers, content=body)
        except (StepUpRequired, GrantEnded, NoAccessToken) as error:
            return tell_failed_call(error, held, acting)
        except FapiError:
            raise
        except Exception as error:
            raise _unreachable(error, url) from error
        held = api.tokens
    _show(answer, output, include=include)
    if answer.status_code < 400:
        return ExitStatus.GOOD
    return tell_refused_call(answer, held, acting)


def absolute_url(url: str, file: ClientFile) -> str:
    """A path is one below the API of the client file. Raises WrongUsage."""
    if not url.startswith("/"):
        if not urlsplit(url).netloc:
            raise WrongUsage(
                f"{url} is no URL", "write https://HOST/PATH, or /PATH for the api of the client file"
            )
        return url
    if file.api is None:
        raise WrongUsage(
            f"{url} is a path, and {file.path} names no api", 'give the whole URL, or add  api = "URL"'
        )
    return file.api.rstrip("/") + url


def resource_for(url: str, tokens: TokenSet, *, sign_in: str = "fapikit login --resource URL") -> str | None:
    """The API of the set that has this URL: that with the longest path before it. Raises WrongUsage for another host.

    None: the only token was requested for no named API.
    """
    named = [token.resource for token in tokens.access_tokens if token.resource is not None]
    there = [one for one in named if has_origin(one, origin_of(url))]
    above = [one for one in there if url.startswith(one.rstrip("/") + "/") or url == one]
    if above or len(there) == 1:
        return max(above or there, key=len)
    if there:
        raise WrongUsage(
            f"the tokens are for {', '.join(there)}, and {url} is below none of them. Nothing was sent",
            "say which token the URL may have: --resource URL",
        )
    if named or not tokens.access_tokens:
        raise WrongUsage(
            f"the tokens are for {', '.join(named) or 'no API'}, and {origin_of(url)} is another one. Nothing was sent",
            f"sign in for that API, {sign_in}; or say which token it may have, --resource URL",
        )
    return None


def _headers_and_body(asked: Asked) -> tuple[list[tuple[str, str]], bytes | None]:
    if asked.data is not None and asked.json_body is not None:
        raise WrongUsage("--data and --json are both given", "give one of them")
    headers = [_header(line) for line in asked.headers]
    given = {name.lower() for name, _ in headers}
    text = asked.data if asked.json_body is None else asked.json_body
    if text is None:
        return headers, None
    kind = "application/x-www-form-urlencoded" if asked.json_body is None else "application/json"
    if "content-type" not in given:
        headers.append(("content-type", kind))
    return headers, _body(text)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise WrongUsage(f"{line} is no header", "write  -H 'name: value'")
    if name.strip().lower() in ("authorization", "dpop"):
        raise WrongUsage(f"this command writes the header {name.strip()} itself", "leave it out")
    return name.strip(), value.strip()


def _body(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    octets = sys.stdin.buffer.read(_LARGEST_BODY + 1) if text == "@-" else Path(text[1:]).read_bytes()
    if len(octets) > _LARGEST_BODY:
        raise WrongUsage(f"the body has more than {_LARGEST_BODY} octets", "send less")
    return octets


def _show(answer: Any, output: Path | None, *, include: bool) -> None:
    if include:
        sys.stdout.write(f"HTTP/1.1 {answer.status_code} {shown(answer.reason_phrase)}\n")
        for name, value in answer.headers.multi_items():
            sys.stdout.write(f"{shown(name)}: {shown(value)}\n")
        sys.stdout.write("\n")
    if output is not None:
        output.write_bytes(answer.content)
    elif sys.stdout.isatty():
        text = shown(answer.text)
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.content)
    sys.stdout.flush()


def _unreachable(error: Exception, url: str) -> Exception:
    """The error of the HTTP library as one of ours; any other as it is."""
    import httpx

    from fapikit.errors import Unreachable

    if not isinstance(error, httpx.TransportError):
        return error
    return Unreachable(
        f"the API does not answer: {type(error).__name__}. Nobody knows whether it has executed the request",
        facts={"api": origin_of(url)},
    )
