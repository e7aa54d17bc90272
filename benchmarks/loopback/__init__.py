"""Whole requests over a socket: real uvicorn processes, each with another app, loaded in turns."""
