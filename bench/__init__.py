"""Measures what one worker process can do and what it costs; `make bench` runs it."""
