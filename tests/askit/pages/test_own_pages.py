"""Whole pages of the bank's own: they take the place of ours, and what protects a page stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from askit import AuthorizationServer, Config
from fapikit.errors import ConfigurationError
from fapikit.stores import MemoryStore
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import read_callback

BASE = """{% extends "askit/base.html" %}
{% block title %}Ours{% endblock %}"""
WHOLE_BASE = """<!doctype html><html lang="{{ language }}"><head><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="{{ path }}/style.css"></head>
<body>{% include "_head.html" %}{% block main %}{% endblock %}</body></html>"""
HEAD = '<img src="{{ path }}/static/bank.svg" alt="{{ bank }}">'
LOGIN = """{% extends "base.html" %}
{% block main %}
<h1>{{ "ようこそ" if language == "ja" else "Welcome" }}, says {{ bank }}</h1><p>for {{ client_name | plain }}</p>
<form method="post" action="{{ path }}/login">
  <input type="hidden" name="csrf" value="{{ csrf }}">
  <input type="hidden" name="client_id" value="{{ client_id }}">
  <input type="hidden" name="request_uri" value="{{ request_uri }}">
  <input name="username" value="{{ username }}"><input name="password" type="password"><button>Go</button>
</form>
{% endblock %}"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def written(folder: Path, **files: str) -> str:
    """The folder, with a file for each name (`__` stands for the dot, `static_` for the folder)."""
    for name, text in files.items():
        path = folder / name.replace("static_", "static/").replace("__", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return str(folder)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return written(
        tmp_path,
        base__html=WHOLE_BASE,
        _head__html=HEAD,
        login__html=LOGIN,
        style__css="h1 { color: red }",
        static_bank__svg=SVG,
    )


@pytest.mark.anyio
async def test_a_user_walks_through_pages_of_the_banks_own(folder: str) -> None:
    bank = Bank(templates=folder, name="Own Bank")
    client = bank.client()
    login = await client.authorize(await client.pushed())
    assert "Welcome, says Own Bank" in login.text
    assert 'src="/static/bank.svg"' in login.text
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "<title>Do you agree?</title>" in consent.text  # a page of ours, within a frame of theirs
    assert read_callback(await client.submit(consent, decision="approve"))["code"]


@pytest.mark.anyio
@pytest.mark.spec("FAPI2-SP 5.2.3-1", "RFC 9700 4.16", "RFC 9700 4.7")
async def test_what_protects_a_page_stays(folder: str) -> None:
    ours, theirs = Bank(), Bank(templates=folder)
    for bank in (ours, theirs):
        client = bank.client()
        login = await client.authorize(await client.pushed())
        protecting = {
            name: value
            for name, value in login.headers.items()
            if name not in ("content-length", "set-cookie", "date")
        }
        if bank is ours:
            expected = protecting
        assert protecting == expected
        assert "default-src 'none'" in protecting["content-security-policy"]
        assert re.search(r'name="csrf" value="[\w-]{20,}"', login.text)
    forged = await client.submit(login, username="alice", password="wonderland", csrf="forged")
    assert forged.status_code == 403


@pytest.mark.anyio
async def test_style_and_static_files_are_the_banks(folder: str) -> None:
    browser = Bank(templates=folder).browser()
    style = await browser.get("/style.css")
    assert style.text == "h1 { color: red }"
    image = await browser.get("/static/bank.svg")
    assert (image.text, image.headers["content-type"]) == (SVG, "image/svg+xml")
    assert image.headers["content-security-policy"] == "default-src 'none'"
    assert image.headers["x-content-type-options"] == "nosniff"
    for name in ("base.html", "..%2Flogin.html", "none.svg"):
        assert (await browser.get(f"/static/{name}")).status_code == 404
    assert (await Bank().browser().get("/static/bank.svg")).status_code == 404


OUR_FORM = '{% extends "askit/login.html" %}'


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"consnt__html": BASE}, r"consnt\.html is not a page: did you mean consent\.html"),
        ({"notes__txt": "x"}, r"notes\.txt is not a page"),
        ({"login__html": LOGIN.replace("csrf", "token")}, r"login\.html cannot be rendered.*token"),
        ({"login__html": LOGIN.replace('name="csrf"', "")}, r'login\.html leaves out name="csrf"'),
        ({"login__html": LOGIN.replace("| plain", "| safe")}, r"login\.html does not escape"),
        (
            {"login__html": LOGIN.replace("{% endblock %}", "{% endblok %}")},
            r"cannot be rendered .*login\.html:10",
        ),
        ({"base__html": "<h1>{{ bank }}</h1>"}, r"leaves out"),
        (
            {"base__html": WHOLE_BASE.replace('{% include "_head.html" %}', "{{ say('nothing') }}")},
            r"cannot be rendered.*KeyError: 'nothing'",
        ),
        (
            {"login__html": LOGIN.replace("<h1>", "{% if language == 'ja' %}{{ no }}{% endif %}")},
            "rendered in ja",
        ),
        ({"static_bank__exe": "x"}, r"static/bank\.exe cannot be served"),
    ],
)
def test_a_page_that_lacks_what_it_needs_is_refused_at_the_start(
    tmp_path: Path, files: dict[str, str], told: str
) -> None:
    config = Config.from_mapping(settings(templates=written(tmp_path, **files)))
    with pytest.raises(ConfigurationError, match=told):
        AuthorizationServer(config, store=MemoryStore())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    config = Config.from_mapping(settings(templates="none"), base=tmp_path)
    with pytest.raises(ConfigurationError, match=r"templates: .*none cannot be read"):
        AuthorizationServer(config, store=MemoryStore())


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("consent.html", 'value="deny"'),
        ("consent.html", "{{ origin }}"),
        ("consent.html", "described(details)"),
        ("consent.html", "{{ scope | plain }}"),
        ("consent.html", "described_device(device, client.name)"),
        ("consent.html", "to_compare(binding_message)"),
        ("consent.html", "from_host(client, client_name)"),
        ("authentication_device.html", "from_host(entry.client, client_name)"),
        ("authentication_device.html", "to_compare(entry.binding_message)"),
        ("authentication_device.html", "described(entry.details)"),
        ("authentication_device.html", 'value="deny"'),
        ("authentication_device.html", "{{ entry.csrf }}"),
        ("device.html", "described(device, client.name)"),
        ("device.html", 'value="no"'),
        ("device.html", "{{ csrf }}"),
        ("user_code.html", "{{ csrf }}"),
        ("decided.html", "{{ client_name | plain }}"),
        ("step_up.html", "{{ csrf }}"),
        ("grants.html", "{{ entry.grant.grant_id }}"),
        ("sign_out.html", "{{ csrf }}"),
        ("form_post.html", "{{ action }}"),
        ("refused.html", "{{ reference }}"),
        ("answered.html", "{{ reference }}"),
    ],
)
def test_no_page_may_lose_a_part_that_matters(tmp_path: Path, page: str, part: str) -> None:
    source = Path("askit/pages", page).read_text("utf-8")
    assert part in source
    written(tmp_path, **{page.replace(".", "__"): source.replace(part, "''" if part.endswith(")") else "")})
    documents = {"hosts": ["agents.example.test"]}
    config = Config.from_mapping(settings(templates=str(tmp_path), client_metadata_documents=documents))
    with pytest.raises(ConfigurationError, match=f"templates: {page} leaves out"):
        AuthorizationServer(config, store=MemoryStore())
