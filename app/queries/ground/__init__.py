"""Selects: what everything stands on: words, events, errors, clocks, texts, and rows in bulk."""
