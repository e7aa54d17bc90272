"""Tokens: how they are asked for, what a login holds of them, where they are kept, how they are ended."""
