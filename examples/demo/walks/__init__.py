"""The flows that the demo plays, one file for each: through the browser, on a television, and on a phone."""
