"""Fails where modules import one another in a circle; what is imported for types alone counts too.

Such a circle does no harm to the interpreter, but its members cannot be read one after another.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import grimp

from tools.citations import PACKAGES


def first_circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules of which each imports the next, the last being the first again; empty if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]  # graphlib names who is imported before who imports
    return []


def imports_of(*packages: str) -> dict[str, set[str]]:
    """What each module of the packages imports from them, `TYPE_CHECKING` blocks included."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=False)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


if __name__ == "__main__":
    circle = first_circle(imports_of(*PACKAGES))
    if circle:
        sys.stdout.write(f"these modules import one another in a circle: {' -> '.join(circle)}\n")
    sys.exit(1 if circle else 0)
