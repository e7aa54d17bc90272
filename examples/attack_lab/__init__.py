"""The attack lab: every threat, shown to work and shown to fail, over real sockets with TLS.

    make lab           play every attack, print the table and what is covered
    make lab T=T6      tell the attacks of one threat step by step

## How to add an attack

Write one file, such as `attacks/t06_mix_up.py` for a first attack of T6; copy one that is there. Nothing else lists it:
the lab, the tests and docs/threats.md find it. Then run

    .venv/bin/python -m pytest tests/attack_lab -q -k "T6"      # both plays, and the mutation check
    make docs                                                   # its section in docs/threats.md

The file has a docstring, two functions and one `Attack` (`attack.py` says what each field is):

1. **The docstring** says what the attack does, as one would tell a security reviewer: the first line in one sentence,
   then how it goes, then in a paragraph of its own who stops it and by what. It becomes the text of docs/threats.md.
2. **`undefended(lab, story)`** plays it against the naive parts (`naive/`): `lab.naive_bank()` with its API below it,
   and `NaiveClient`. A fault that only your attack needs is a small subclass in your own file. Never add a switch to a
   package.
3. **`defended(lab, story)`** plays the same against the toolkit as shipped: `lab.under("fapi2-security")` is a bank,
   two APIs and a fintech (`ecosystem.py`), shared by all. `lab.fresh(profile, ...)` makes your own, in 20 ms, if you
   would spoil the shared one or need other settings. Choose the profile under which your defence is the only one left:
   the mutation check takes it away and expects success. `world.app()` is a public client with bearer tokens for that.
4. **Both return `LOOT`**, and only after an `assert` that Mallory really has it: a balance read, a token in `seen`, a
   payment booked. What stops the attack is raised: errors of rpkit come by themselves; wrap an answer of a bank or an
   API into `accepted(...)`, which raises `Refused`. The lab listens to the logs of askit and rskit, so it knows which
   error class and clause made the last refusal.
5. **`story.step(sender, receiver, message, why)`** comes before each message that matters, so that the last step told
   is the one that was stopped. No value in it differs from run to run. What both plays have in common is best told in
   one function.
6. **`defence`** is the dotted name of the one function that stops it; a method is `package.module.Class.method`. The
   mutation check replaces it everywhere by `without`, which raises nothing and returns None unless you say otherwise.
   `without` is given what the function is given, and is a plain function also where it replaces a coroutine function
   or a flow.

Where nobody refuses, and yet Mallory has nothing, such as a redirect by 303 that repeats no form, raise `NothingCame`
with the clause. Where it matters what a browser does, `lab.chromium()` is a tab of a real one (`needs_browser=True`),
and `hostnames.py` has the sites; `penny.py` and `lab.naive_web_site` are the fintech's. `lab.browser()` is quicker: it
keeps cookies and follows redirects, and that is all.

A second attack of the same threat has the id `T6.2`. Several `Attack`s may be in one file if they differ in data only.
Mallory's servers are in `mallory.py`: a site that keeps what reaches it, a bank, a hotspot. Forged JWTs are in
`jwts.py`, proofs of any key in `proofs.py`, tokens that can be guessed in `numbered.py`. `lab.protect(app, issuer)`
puts an app of your own behind `asgi_mw.Protect`, `lab.nginx(...)` puts nginx before it, and `lab.serve_elsewhere(...)`
serves it in a second process. `lab.app_at(bank)` puts the toolkit's client before a naive bank, so that nothing but the
client defends; `naive/signing_bank.py` has banks that sign their responses. Both plays together should take less than
two seconds: there is no sleeping; a bank of your own may have a clock that you move.
"""
