"""The mechanism that runs pages: it does what a reader does, and a block that is wrong fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pages.blocks import NotUnderstood, parse_page
from tests.pages.running import Reader, WrongBlock


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path)


def follow(reader: Reader, *blocks: str) -> Reader:
    reader.follow(parse_page("page.md", "\n\n".join(["# A page", *blocks, "The end."])))
    return reader


def fenced(language: str, code: str, said: str = "") -> str:
    comment = f"<!-- {said} -->\n\n" if said else ""
    return f"{comment}```{language}\n{code}\n```"


def test_python_runs_in_order_in_one_namespace(reader: Reader) -> None:
    follow(
        reader,
        "<!-- hidden\na = 1\n-->",
        fenced("python", "b = a + 1"),
        "- in a list\n\n  ```python\n  c = b + 1\n  ```",
    )
    assert reader.names["c"] == 3


def test_a_failure_names_the_line_of_the_page(reader: Reader) -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        follow(reader, fenced("python", "a = 1\n1 / 0"))
    assert failed.traceback[-1].lineno + 1 == 5
    assert failed.value.__notes__ == ["in the block at page.md:4"]


def test_files_commands_and_what_they_print(reader: Reader) -> None:
    follow(
        reader,
        fenced("python", "print('hello at', __file__)", "file: folder/greet.py"),
        fenced("sh", "python folder/greet.py"),
        fenced("text", "hello at ...greet.py", "output"),
        fenced("python", "print('other')"),
        fenced("text", "other", "output"),
    )


def test_a_terminal_stays_open_on_a_port_of_the_test(reader: Reader) -> None:
    follow(
        reader,
        fenced("sh", "python -m http.server 8765 --bind 127.0.0.1", "terminal: 8765"),
        fenced(
            "python",
            "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:8765/').close()\nport = 8765",
        ),
    )
    assert reader.names["port"] != 8765


SERVE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response_only(int(sys.argv[1]))
        self.end_headers()

HTTPServer(("127.0.0.1", 8765), Answer).serve_forever()
"""
ASK = """
import http.client

asked = http.client.HTTPConnection("127.0.0.1", 8765)
asked.request("GET", "/")
status = asked.getresponse().status
asked.close()
"""


def test_a_second_terminal_on_a_port_takes_the_place_of_the_first(reader: Reader) -> None:
    follow(
        reader,
        fenced("python", SERVE, "file: serve.py"),
        fenced("sh", "run it", "terminal: 8765 --><!-- as: python serve.py 201"),
        fenced("python", f"{ASK}\nassert status == 201"),
        fenced("sh", "python serve.py 202", "terminal: 8765"),
        fenced("python", f"{ASK}\nassert status == 202"),
    )


def test_a_file_grows(reader: Reader) -> None:
    follow(
        reader,
        fenced("python", "print(1)", "file: count.py"),
        fenced("python", "print(2)", "added to: count.py"),
        fenced("sh", "python count.py"),
        fenced("text", "1\n2", "output"),
    )


def test_a_command_that_must_fail(reader: Reader) -> None:
    follow(reader, fenced("sh", "exit 3", "fails"))
    with pytest.raises(WrongBlock, match="exit status 0"):
        follow(reader, fenced("sh", "true", "fails"))


def test_a_page_may_take_a_bank_for_granted(reader: Reader, at_a_bank: dict[str, Any]) -> None:
    reader.names.update(at_a_bank)
    login = """
from fapikit import PrivateKeyJWT
from rpkit import Client

bank = Client.discover(ISSUER, client_id=CLIENT_ID, auth=PrivateKeyJWT(key), redirect_uri=CALLBACK)
start = bank.begin(scope="openid accounts", resources=[API])
login = bank.complete(browse(start.url), start.transaction)
bank.close()
"""
    assert follow(reader, fenced("python", login)).names["login"].tokens


def test_what_is_not_run_is_not_run(reader: Reader) -> None:
    follow(reader, fenced("python", "1 / 0", "not run: it is an example of a mistake"))


@pytest.mark.parametrize(
    "language, code, said",
    [
        ("python", "assert False", ""),
        ("sh", "false", ""),
        ("sh", "false; true", ""),
        ("toml", "a =", ""),
        ("json", "{", ""),
        ("yaml", "a: [", ""),
        ("nginx", "listen 8443 tsl;", ""),
        ("nginx", "ssl_protocols TLSv1.2", ""),
        ("perl", "print 1", ""),
        ("", "something", ""),
        ("text", "what nobody printed", "output"),
        ("sh", "exit 1", "terminal: 8765"),
    ],
)
def test_a_wrong_block_fails(reader: Reader, language: str, code: str, said: str) -> None:
    with pytest.raises(AssertionError):
        follow(reader, fenced(language, code, said))


@pytest.mark.parametrize(
    "language, code",
    [
        ("nginx", "listen 8443 ssl;\nssl_certificate /etc/server.pem;\nssl_certificate_key /etc/server.key;"),
        (
            "nginx",
            "upstream api { server 127.0.0.1:8000; }\nserver { location / { proxy_pass http://api; } }",
        ),
        ("yaml", "a: 1\n---\nb: 2"),
        ("toml", "a = 1"),
        ("json", '{"a": 1}'),
        ("mermaid", "flowchart LR\na --> b"),
    ],
)
def test_a_right_block_passes(reader: Reader, language: str, code: str) -> None:
    follow(reader, fenced(language, code))


@pytest.mark.parametrize("said", ["not run: a word", "nonsense: here"])
def test_a_comment_that_is_about_nothing_is_refused(reader: Reader, said: str) -> None:
    with pytest.raises(NotUnderstood):
        follow(reader, f"<!-- {said} -->")
