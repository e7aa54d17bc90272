"""Public names of a package that are imported when somebody asks for them: few programs need them all."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def late_names(package: dict[str, Any], modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package. `package`: its globals. `modules`: by name, where each is, or which one it is.

    A name that was asked for once stays in the package. Raises AttributeError for any other name.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        module = importlib.import_module(modules[name])
        found = module if modules[name] == f"{package['__name__']}.{name}" else getattr(module, name)
        package[name] = found
        return found

    return get
