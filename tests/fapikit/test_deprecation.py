"""A deprecation names what ends, when, and what to do, at the line that uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fapikit import FapikitDeprecationWarning
from fapikit.deprecation import warn_deprecated


def old_name() -> None:
    warn_deprecated("rpkit.old_name", ends_with="2.0.0", instead="Call new_name.")


def test_the_warning_names_all_and_points_at_the_line_that_uses_it() -> None:
    with pytest.warns(FapikitDeprecationWarning) as caught:
        old_name()
    (warning,) = caught
    assert str(warning.message) == "rpkit.old_name ends with fapikit 2.0.0. Call new_name."
    assert warning.filename == __file__


def test_python_shows_it_without_an_option() -> None:
    program = (
        "from fapikit.deprecation import warn_deprecated;"
        "warn_deprecated('x', ends_with='2.0.0', instead='Use y.', callers_above=0)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "FapikitDeprecationWarning: x ends with fapikit 2.0.0. Use y." in run.stderr
