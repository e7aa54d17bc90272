"""Two demos on one machine: the second one listens elsewhere."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from examples.demo.ports import PARTIES, free_port, usual_ports


def test_the_usual_ports_are_for_one_demo_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with usual_ports() as first, usual_ports() as second:
        assert (set(first), set(second)) == (set(PARTIES), set())
    with usual_ports() as again:
        assert again == first


def test_a_port_that_somebody_has_is_not_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert free_port(other.getsockname()[1]) != other.getsockname()[1]
