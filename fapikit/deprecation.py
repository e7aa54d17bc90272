"""The warning about what a later version will not have any more: docs/releases.md says how long it stays."""

from __future__ import annotations

import warnings


class FapikitDeprecationWarning(UserWarning):
    """Something that is used here ends with a later version. Python shows it without any option being set.

    Let tests fail on it: `filterwarnings = ["error::fapikit.FapikitDeprecationWarning"]` in the settings of pytest.
    """


def warn_deprecated(what: str, *, ends_with: str, instead: str, callers_above: int = 1) -> None:
    """Warn whoever uses a deprecated name, parameter, setting, option or rule.

    `what` as its user wrote it; `ends_with`: the first version without it; `instead`: what to do, as a sentence.
    `callers_above`: how many of our own functions lie between the use and this call.
    """
    warnings.warn(
        f"{what} ends with fapikit {ends_with}. {instead}",
        FapikitDeprecationWarning,
        stacklevel=2 + callers_above,
    )
