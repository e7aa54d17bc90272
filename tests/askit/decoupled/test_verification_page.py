"""What the user of a device sees and types, and what an attacker tries there: links to a victim, guessed codes."""

from __future__ import annotations

import re
from collections import Counter

import httpx
import pytest

from askit.decoupled.user_codes import ALPHABET, make_user_code, read_user_code
from askit.records import digest
from tests.askit.bank import Bank
from tests.askit.decoupled.television import Holder, a_bank, seen, television

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank() -> Bank:
    return a_bank()


# --- the code ---


@pytest.mark.spec("RFC 8628 6.1a")
async def test_codes_are_of_letters_that_nobody_mistakes(bank: Bank) -> None:
    codes = [make_user_code(bank.server.core) for _ in range(2000)]
    assert all(re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", code) for code in codes)
    assert len(set(codes)) == len(codes)
    counts = Counter("".join(codes).replace("-", ""))
    assert len(counts) == 20
    assert max(counts.values()) < 1.3 * min(counts.values())
    assert not set(ALPHABET) & set("AEIOUY0123456789")


TYPED = [
    ("WDJB-MJHT", "WDJB-MJHT"),
    ("wdjbmjht", "WDJB-MJHT"),
    ("  wdjb mjht ", "WDJB-MJHT"),
    ("W.D.J.B.M.J.H.T", "WDJB-MJHT"),
    ("WDJB–MJHT", "WDJB-MJHT"),  # a dash that a phone has put there
    ("ＷＤＪＢ－ＭＪＨＴ", "WDJB-MJHT"),
    ("ｗｄｊｂｍｊｈｔ", "WDJB-MJHT"),
    ("WDJ8-MJHT", "WDJB-MJHT"),
    ("5265-8UOI", "SZGS-BVQL"),
    ("WDJB-MJH", None),
    ("WDJB-MJHTT", None),
    ("", None),
    ("ß" * 50, None),
    ("W" * 100_000, None),
]


@pytest.mark.spec("RFC 8628 6.1b")
@pytest.mark.parametrize("typed, code", TYPED, ids=[str(i) for i in range(len(TYPED))])
def test_a_code_is_read_as_a_user_means_it(typed: str, code: str | None) -> None:
    assert read_user_code(typed) == code


async def test_a_code_typed_in_small_letters_finds_its_device(bank: Bank) -> None:
    codes = await television(bank).started()
    page = await Holder(bank).type_code(codes["user_code"].lower().replace("-", " "))
    assert codes["user_code"] in page.text


async def test_two_devices_never_show_the_same_code(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["BBBB-BBBB", "BBBB-BBBB", "CCCC-CCCC"])
    monkeypatch.setattr("askit.decoupled.user_codes.make_user_code", lambda _: next(made))
    tv = television(bank)
    assert [(await tv.started())["user_code"] for _ in range(2)] == ["BBBB-BBBB", "CCCC-CCCC"]


async def test_nobody_finds_the_code_in_the_keys_of_the_store(bank: Bank) -> None:
    codes = await television(bank).started()
    for form in (codes["user_code"], codes["user_code"].replace("-", "")):
        assert digest(form) not in "".join(bank.store._entries)


# --- what is shown ---


@pytest.mark.spec("RFC 8628 3.3.1b", "RFC 8628 5.4a")
async def test_a_scanned_code_is_compared_and_confirmed_before_anything_else(bank: Bank) -> None:
    codes = await television(bank, http=bank.browser("198.51.100.77")).started()
    alice = Holder(bank)
    await alice.decide((await television(bank).started())["user_code"])  # she is signed in, and agreed before
    page = await alice.scan(codes)
    text = seen(page)
    for shown in ("Television &lt;One&gt;", codes["user_code"], "198.51.100.77", "device"):
        assert shown in text, shown
    assert "in front of you" in text
    assert 'name="decision"' not in page.text
    consent = await alice.at_consent(page)
    for shown in (codes["user_code"], "198.51.100.77", "Alice", "See your accounts"):
        assert shown in seen(consent), shown
    assert "You will return" not in consent.text


@pytest.mark.spec("RFC 8628 5.4a")
async def test_looking_at_a_page_decides_nothing(bank: Bank) -> None:
    """A preview of a link that somebody was sent, a reload, Back."""
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    for _ in range(3):
        assert (await alice.scan(codes)).status_code == 200
    page = await alice.at_consent(await alice.scan(codes))
    await alice.scan(codes)
    assert await tv.told(codes) == "authorization_pending"
    await alice.browser.submit(page, decision="approve")
    again = await alice.browser.submit(page, decision="approve")
    assert "already" in seen(again)
    assert await tv.told(codes) == "tokens"


async def test_a_page_of_the_request_cannot_be_reached_past_the_question(bank: Bank) -> None:
    codes, victim = await television(bank).started(), Holder(bank)
    page = await victim.scan(codes)
    named = re.search(r'name="request_uri" value="([^"]+)"', page.text)
    assert named
    answer = await victim.browser.http.get(
        "/interaction", params={"client_id": "television", "request_uri": named[1]}
    )
    assert answer.status_code == 400


@pytest.mark.spec("RFC 8628 5.4a")
async def test_whoever_has_no_such_device_refuses_without_signing_in(bank: Bank) -> None:
    tv, victim = television(bank), Holder(bank)
    codes = await tv.started()
    last = await victim.browser.submit(await victim.scan(codes), holds="no")
    assert last.status_code == 200
    assert await tv.told(codes) == "access_denied"


ANSWERS = [({"holds": "maybe"}, 400), ({"holds": "yes", "csrf": "x"}, 403), ({"holds": "no", "csrf": "x"}, 403),
           ({"holds": "yes", "client_id": "other"}, 400), ({"holds": "yes", "client_id": "?"}, 400),
           ({"holds": "yes", "request_uri": "urn:x"}, 403)]  # fmt: skip


@pytest.mark.spec("RFC 9700 4.7")
@pytest.mark.parametrize("fields, status", ANSWERS, ids=str)
async def test_an_answer_with_one_thing_changed(bank: Bank, fields: dict[str, str], status: int) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    answer = await alice.browser.submit(await alice.scan(codes), **fields)
    assert answer.status_code == status
    assert await tv.told(codes) == "authorization_pending"


async def test_a_form_of_another_browser_is_refused(bank: Bank) -> None:
    codes, attacker, victim = await television(bank).started(), Holder(bank), Holder(bank)
    page = await attacker.scan(codes)
    assert (await victim.browser.submit(page, holds="yes")).status_code == 403
    form = await attacker.browser.http.get("/device")
    assert (await victim.browser.submit(form, user_code=codes["user_code"])).status_code == 403


async def test_another_user_may_take_over_before_the_decision(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    consent = await alice.at_consent(await alice.scan(codes))
    login = await alice.browser.submit(consent, decision="switch")
    consent = await alice.browser.submit(login, username="bob", password="builder")
    await alice.browser.submit(consent, decision="approve")
    tokens = (await tv.poll(codes)).json()
    assert (await tv.userinfo(tokens["access_token"])).json()["sub"] == "bob"


async def test_a_wrong_password_and_a_second_level_are_asked_for_as_ever() -> None:
    users = [{"username": "alice", "password": "wonderland", "pin": "2468"}]
    bank = a_bank(users=users, acr=["weak", "strong"])
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started(acr_values="strong")
    page = await alice.browser.submit(await alice.scan(codes), holds="yes")
    page = await alice.browser.submit(page, username="alice", password="wrong")
    assert page.status_code == 401
    page = await alice.browser.submit(page, username="alice", password="wonderland")
    page = await alice.browser.submit(page, pin="2468")
    await alice.browser.submit(page, decision="approve")
    assert await tv.told(codes) == "tokens"


@pytest.mark.parametrize("language, words", [("en", "Connect a device"), ("ja", "デバイスの接続")])
async def test_the_pages_speak_the_users_language(bank: Bank, language: str, words: str) -> None:
    alice = Holder(bank)
    alice.browser.http.headers["accept-language"] = language
    codes = await television(bank).started()
    first = await alice.browser.http.get("/device")
    assert words in first.text
    pages = [first, await alice.type_code("BBBB-BBBB"), await alice.scan(codes)]
    pages.append(await alice.at_consent(pages[-1]))
    pages.append(await alice.browser.submit(pages[-1], decision="approve"))
    for page in pages:
        assert f'<html lang="{language}">' in page.text
        _require_protected(page)


def _require_protected(page: httpx.Response) -> None:
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    )
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in page.text


async def test_the_device_chooses_the_language_of_what_its_user_sees(bank: Bank) -> None:
    codes, alice = await television(bank).started(ui_locales="ja"), Holder(bank)
    question = await alice.scan(codes)
    for page in (question, await alice.browser.submit(question, holds="yes")):
        assert '<html lang="ja">' in page.text


async def test_the_address_of_the_form_leads_somewhere(bank: Bank) -> None:
    answer = await bank.browser().get("/device/confirm")
    assert (answer.status_code, answer.headers["location"]) == (303, "https://bank.example.test/device")


# --- guesses ---

WRONG = "CCCC-CCCC"


async def _guess(bank: Bank, address: str, code: str = WRONG) -> int:
    return (await Holder(bank, address=address).type_code(code)).status_code


@pytest.mark.spec("RFC 8628 5.1")
@pytest.mark.parametrize("by_link", [False, True], ids=["typed", "in a link"])
async def test_five_wrong_codes_from_one_place_are_enough_for_a_while(bank: Bank, by_link: bool) -> None:
    codes = await television(bank).started()
    guesser = Holder(bank, address="198.51.100.9")

    async def tries(code: str) -> int:
        if by_link:
            return (
                await guesser.scan({"verification_uri_complete": f"/device?user_code={code}"})
            ).status_code
        return (await guesser.type_code(code)).status_code

    assert [await tries(WRONG) for _ in range(6)] == [400] * 5 + [429]
    assert await tries(codes["user_code"]) == 429
    assert await _guess(bank, "203.0.113.1", codes["user_code"]) == 200
    bank.clock.advance(301)
    assert await tries(codes["user_code"]) == 200


@pytest.mark.spec("RFC 8628 5.1")
async def test_guesses_from_everywhere_are_counted_together() -> None:
    bank = a_bank(limits={"wrong_user_codes": 2, "wrong_user_codes_in_all": 6, "password_counters": 16})
    codes = await television(bank).started()
    tried = [await _guess(bank, f"203.0.113.{number}") for number in range(8)]
    assert tried == [400] * 6 + [429] * 2
    assert await _guess(bank, "192.0.2.8", codes["user_code"]) == 429
    bank.clock.advance(301)
    assert await _guess(bank, "192.0.2.8", codes["user_code"]) == 200


@pytest.mark.spec("RFC 8628 5.1")
@pytest.mark.parametrize("by_link", [False, True], ids=["typed", "in a link"])
async def test_strangers_who_guess_shut_out_no_user(by_link: bool) -> None:
    """Nobody can do it from the user's own address either: a page elsewhere can load links with codes."""
    bank = a_bank(limits={"wrong_user_codes": 2, "wrong_user_codes_in_all": 4})
    codes = await television(bank).started()
    for address in ("192.0.2.8", "203.0.113.1"):
        assert [await _guess(bank, address) for _ in range(2)] == [400] * 2
    alice = Holder(bank)
    page = await (alice.scan(codes) if by_link else alice.type_code(codes["user_code"]))
    assert page.status_code == 429
    page = await alice.browser.submit(page, username="alice", password="wonderland")
    assert 'name="user_code"' in page.text
    assert 'name="holds"' in (await alice.browser.submit(page, user_code=codes["user_code"])).text


@pytest.mark.spec("RFC 8628 5.1")
async def test_a_user_guesses_no_more_often_than_a_stranger_from_wherever(bank: Bank) -> None:
    codes, tried = await television(bank).started(), []
    for number in range(6):
        alice = Holder(bank, address=f"203.0.113.{number}")
        form = await alice.browser.http.get("/grants")
        await alice.browser.submit(form, username="alice", password="wonderland")
        tried.append((await alice.type_code(WRONG)).status_code)
    assert tried == [400] * 5 + [429]
    assert (await alice.type_code(codes["user_code"])).status_code == 429
    assert await _guess(bank, "198.51.100.9", codes["user_code"]) == 200


async def test_codes_of_devices_of_ones_own_make_no_room_for_guesses(bank: Bank) -> None:
    own = await television(bank).started()
    tried = []
    for _ in range(6):
        assert await _guess(bank, "198.51.100.9", own["user_code"]) == (200 if len(tried) < 5 else 429)
        tried.append(await _guess(bank, "198.51.100.9"))
    assert tried == [400] * 5 + [429]


async def test_what_can_be_no_code_is_no_guess(bank: Bank) -> None:
    tried = [await _guess(bank, "198.51.100.9", "hello") for _ in range(20)]
    assert tried == [400] * 20
    codes = await television(bank).started()
    assert await _guess(bank, "198.51.100.9", codes["user_code"]) == 200


async def test_wrong_passwords_and_wrong_codes_do_not_count_for_each_other(bank: Bank) -> None:
    for _ in range(5):
        await _guess(bank, "198.51.100.9")
    alice = Holder(bank, address="198.51.100.9")
    login = await alice.browser.http.get("/grants")
    answer = await alice.browser.submit(login, username="alice", password="wonderland")
    assert answer.status_code == 200
