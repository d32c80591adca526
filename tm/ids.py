"""Identifiers in the manner of cuid2: 25 characters, a letter first, unguessable, safe in a URL."""

from __future__ import annotations

import os

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id() -> str:
    number = int.from_bytes(os.urandom(20), "big")
    digits = []
    for _ in range(24):
        number, remainder = divmod(number, 36)
        digits.append(_ALPHABET[remainder])
    return "c" + "".join(digits)
