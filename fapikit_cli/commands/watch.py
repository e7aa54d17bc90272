"""`fapikit watch`: shows a recording in the browser while it grows, or writes it as one file.

Role: RP, RS, AS
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def watch(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="The file of --record. It may not exist yet.")
    ],
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", help="Write it as one HTML file for a colleague, and serve nothing."
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="NUMBER", help="Of the page. 0: any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Show who sent what to whom: a page on this machine, which draws the recording while it grows.

    The address has a key, and only this machine can reach it. Ctrl-C ends the page.
    """
    import signal
    import sys
    from contextlib import suppress

    from fapikit.io.browser import SystemBrowser
    from fapikit_cli.failing import WrongUsage
    from fapikit_cli.printing import say, tell
    from fapikit_cli.recordings import require_recording
    from fapikit_viewer import save as save_page
    from fapikit_viewer import serve

    require_recording(recording)
    if save is not None:
        if not recording.exists():
            raise WrongUsage(f"there is no recording {recording}", "make one: fapikit login --record FILE")
        say(
            f"{save_page(recording, save)} can be opened from disk. Look at what is in it before you send it."
        )
        return
    # A parent that runs this in the background may have left Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        viewer = serve(recording, port=port)
    except OSError as error:
        raise WrongUsage(
            f"nothing can listen on port {port} of this machine: {error.strerror}", "choose another --port"
        ) from error
    if not recording.exists():
        tell(
            f"{recording} is not there yet. The page waits for it: give another command --record {recording}"
        )
    with viewer, suppress(KeyboardInterrupt):
        say(viewer.url)
        sys.stdout.flush()
        browser = SystemBrowser()
        if not no_browser and browser.available:
            browser.open(viewer.url)
        viewer.wait()
