"""The account owner: sign-in, session, consent, what was granted, and the end of a session."""
