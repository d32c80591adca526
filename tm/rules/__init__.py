"""Decisions: pure functions. No I/O and no clock; `now` is passed in."""
