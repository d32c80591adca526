"""Headers that every answer carries, whoever gives it."""

from __future__ import annotations

REQUEST_ID = "X-Request-Id"

# Answers hold a person's positions: no browser may guess their type, keep them, or show them to another site.
COMMON = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
