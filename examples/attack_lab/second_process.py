"""A second process: what the lab serves there shares no memory with the lab.

The lab tells it by lines of JSON what to serve, and it answers each with the origin. It ends with its input.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from askit.throwaway_tls import TlsFiles
from examples.attack_lab.refusals import quiet
from examples.attack_lab.street import PATIENCE, Street

ROOT: Final = Path(__file__).parents[2]


class SecondProcess:
    """`local`: the certificate of localhost. Close it at the end."""

    def __init__(self, local: TlsFiles) -> None:
        files = [str(local.ca), str(local.certificate), str(local.key)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *files],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def serve(self, factory: Callable[..., Any], **settings: Any) -> str:
        """Serve the ASGI app that `factory` makes of `settings` there. Returns its origin.

        `factory`: a function of a module. `settings`: such that JSON can have.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        told = {"module": factory.__module__, "function": factory.__qualname__, "settings": settings}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        origin = self._process.stdout.readline().strip()
        if not origin:
            raise RuntimeError("the second process of the lab has ended: its own lines say why")
        return origin

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)


def main(arguments: list[str]) -> None:
    files = TlsFiles(*map(Path, arguments))
    with quiet(), closing(Street(files, files)) as street:
        for line in sys.stdin:
            told = json.loads(line)
            factory = getattr(importlib.import_module(told["module"]), told["function"])
            print(street.serve(factory(**told["settings"])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
