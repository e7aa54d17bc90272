"""The command `fapikit`: keys, JWTs, metadata, logins and calls from a terminal.

`main` starts it. Each file of `commands/` is one command. `printing` shows, `failing` tells why something did not work,
`secret_input` takes what nobody else may read, `options` has what several commands ask for.

To add a command, write `commands/NAME.py` with `app = new_app(...)` and functions under `@app.command()`. All files of
`commands/` are imported for `fapikit --help`. So at their top they import only this package and typer, and everything
else inside their functions.

Role: RP, RS, AS
"""
