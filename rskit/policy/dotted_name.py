"""The object that a dotted name in a setting means: `bank.middleware.Timing`.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from fapikit.errors import ConfigurationError

_LOCAL: Final = "<locals>"
"""In the name of a class or function that was made within a function. What follows it cannot be looked up."""


def named_object(setting: str, name: str) -> Any:
    """The object of this name; None for one that was made within a function that exists.

    Raises ConfigurationError for a name that names nothing, and for a module that cannot be imported. `setting`: the
    setting that gave the name, for the error.
    """
    first, *rest = name.split(".")
    path, found = first, _module(setting, name, first)
    for part in rest:
        if part == _LOCAL:
            return None
        inner = f"{path}.{part}"
        if not hasattr(found, part) and hasattr(found, "__path__"):
            _module(setting, name, inner)
        if not hasattr(found, part):
            raise ConfigurationError(
                f"{setting} names {name!r}, and {path} has no {part!r}: check the spelling, or give the object itself",
                facts={"setting": setting},
            )
        path, found = inner, getattr(found, part)
    return found


def _module(setting: str, name: str, path: str) -> Any:
    try:
        return import_module(path)
    except ImportError as error:
        raise ConfigurationError(
            f"{setting} names {name!r}, and importing {path} failed ({error}): check the spelling",
            facts={"setting": setting},
        ) from error
    except ValueError as error:  # an empty part
        raise ConfigurationError(
            f"{setting} names {name!r}, which is no dotted name", facts={"setting": setting}
        ) from error
