"""The page: one file that asks nobody but this bridge, and a policy that lets it do nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("page.html")
TYPE = "text/html; charset=utf-8"
_INLINE = {
    "script": re.compile(r"<script>(.*?)</script>", re.S),
    "style": re.compile(r"<style>(.*?)</style>", re.S),
}


@cache
def page(*, asks_token: bool) -> bytes:
    """Return the file. `asks_token`: it asks for the apiToken at once, and not after a first refusal."""
    text = FILE.read_text("utf-8")
    return text.replace('data-token="no"', 'data-token="yes"', 1).encode() if asks_token else text.encode()


@cache
def headers() -> tuple[tuple[str, str], ...]:
    """Return what tells a browser how little this page may do."""
    text = FILE.read_text("utf-8")
    policy = (
        "default-src 'none'",
        f"script-src {_hashes('script', text)}",
        f"style-src {_hashes('style', text)}",
        "connect-src 'self'",
        "img-src data:",  # the icon
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return (
        ("Content-Security-Policy", "; ".join(policy)),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
    )


def _hashes(tag: str, text: str) -> str:
    """Given the page, return the hashes of what stands within a tag, as the policy spells them."""
    found = [hashlib.sha256(inline.encode()).digest() for inline in _INLINE[tag].findall(text)]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in found) or "'none'"
