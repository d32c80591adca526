"""The HTTP bridge on loopback: parse, call, render."""
