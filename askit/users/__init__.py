"""The user (resource owner): sign-in, session, consent, grants, and the end of a session."""
