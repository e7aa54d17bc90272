"""The option that fails a run in which some error was never raised."""

from __future__ import annotations

import subprocess
import sys

from fapikit.errors import ReplayedProof
from tests.raised_errors import _raised, unraised
from tools.citations import ROOT


def test_an_error_that_is_raised_is_noted_and_the_others_are_named() -> None:
    ReplayedProof("for this test")
    assert "fapikit.errors.dpop.ReplayedProof" in _raised
    missing = unraised(["fapikit.errors.dpop.ReplayedProof"])
    assert "fapikit.errors.dpop.ReplayedProof" not in missing
    assert "fapikit.errors.dpop.ManyProofs" in missing
    assert "fapikit.errors.dpop.DPoPError" not in missing, "a class with children is not raised itself"


def test_a_run_with_the_option_fails_and_says_which() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--every-error-raised",
        "tests/fapikit/test_www_authenticate.py",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no test raises fapikit.errors.dpop.ManyProofs" in done.stdout
    assert "no test raises fapikit.errors.base.MalformedMessage" not in done.stdout
