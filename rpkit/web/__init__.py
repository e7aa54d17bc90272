"""What a web application needs in any framework: sign-in, sign-out, and pages for the case that a bank cannot help.

`messages` are its requests and responses, as plain values. `browser_logins` keeps a login in cookies while the user is
at the bank. `pages` are what the user sees.
"""
