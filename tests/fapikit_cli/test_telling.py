"""What the commands suggest to type next: a server that chose a word of it cannot choose a command."""

from __future__ import annotations

import shlex

import pytest

from fapikit_cli.telling import quoted


@pytest.mark.spec("RFC 6750 3")
def test_the_scope_of_a_hostile_challenge_stays_one_argument() -> None:
    scope = ["a'", ";", "touch", "taken", "#", "$(id)"]
    assert shlex.split(quoted(scope)) == [" ".join(scope)]
