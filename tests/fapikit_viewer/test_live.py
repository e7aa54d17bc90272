"""What a reader that comes, goes and comes back is told of a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from fapikit_viewer import Recording
from fapikit_viewer.live import AT_ONCE, NOTHING, Live, Point
from tests.fapikit_viewer import a_payment


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "flow.jsonl")


def _ids(live: Live, point: Point) -> tuple[list[str], Point]:
    while live.read():
        pass
    news, reached = live.after(point)
    return [entry["id"] for entry in news["entries"]], reached


def test_a_recording_that_does_not_exist_yet_is_empty(recording: Recording) -> None:
    live = Live(recording)
    assert _ids(live, NOTHING)[0] == []
    recording.append(a_payment.a_message(1))
    assert _ids(live, NOTHING)[0] == ["message-1"]


def test_a_reader_that_comes_back_gets_what_it_missed_and_what_changed(recording: Recording) -> None:
    live = Live(recording)
    recording.append(a_payment.a_message(1, response=None))
    recording.append(a_payment.a_message(2))
    _, point = _ids(live, NOTHING)
    recording.append(a_payment.a_message(3))
    recording.append(a_payment.a_message(1))
    assert _ids(live, Point.of(str(point)))[0] == ["message-1", "message-3"]
    assert live.after(point)[0]["whole"] is False


def test_much_comes_in_pieces_and_nothing_twice(recording: Recording) -> None:
    live, point = Live(recording), NOTHING
    for number in range(2 * AT_ONCE + 1):
        recording.append(a_payment.a_message(number))
    told, sizes = [], []
    while True:
        ids, point = _ids(live, point)
        if not ids:
            break
        told += ids
        sizes.append(len(ids))
    assert sizes == [AT_ONCE, AT_ONCE, 1]
    assert told == [f"message-{number}" for number in range(2 * AT_ONCE + 1)]


@pytest.mark.parametrize("more", [1, 5], ids=["shorter", "longer"])
def test_another_recording_in_the_place_of_the_first_is_told_whole(recording: Recording, more: int) -> None:
    live = Live(recording)
    for number in range(3):
        recording.append(a_payment.a_message(number))
    _, point = _ids(live, NOTHING)
    recording.path.rename(recording.path.with_suffix(".old"))
    for number in range(9, 9 + more):
        recording.append(a_payment.a_message(number))
    assert _ids(live, point)[0] == [f"message-{number}" for number in range(9, 9 + more)]
    assert live.after(point)[0]["whole"] is True


def test_a_recording_that_was_emptied_is_told_whole(recording: Recording) -> None:
    live = Live(recording)
    recording.append(a_payment.a_message(1))
    recording.append(a_payment.a_message(2))
    _, point = _ids(live, NOTHING)
    recording.path.write_bytes(b"")
    recording.append(a_payment.a_message(3))
    assert _ids(live, point)[0] == ["message-3"]
    assert live.after(point)[0]["whole"] is True


def test_a_reader_of_another_server_begins_anew(recording: Recording) -> None:
    recording.append(a_payment.a_message(1))
    _, point = _ids(Live(recording), NOTHING)
    other = Live(recording)
    assert _ids(other, point)[0] == ["message-1"]
    assert other.after(point)[0]["whole"] is True


@pytest.mark.parametrize("text", ["", "x", "a.", "a.b", "a.-1", "a.9999999999999999", "a.٣"])
def test_an_id_that_is_none_of_ours_is_the_beginning(text: str) -> None:
    assert Point.of(text) == NOTHING
