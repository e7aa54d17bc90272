"""The pages for users: `pages` renders them, `words` describes authorization details; templates and style."""
