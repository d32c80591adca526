"""What may be written as a setting's value, and what it then means.

A reader takes what the file, the environment or a flag gave, and returns the value, or raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tm import paths
from tm.model import ActionType
from tm.numbers import parse_decimal

# A tick starts at whole seconds of the minute, so that systemd's timer can say when.
POLL_INTERVALS = (5, 6, 10, 12, 15, 20, 30, 60, 120, 300)
MASK = "********"

Reader = Callable[[object], Any]  # what was written to what it means; ValueError: it means nothing


class Secret:
    """A value that no print, log or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def whole(least: int, most: int) -> Reader:
    def read(value: object) -> int:
        number = parse_decimal(value)
        if number is None or not least <= number <= most or number != number.to_integral_value():
            raise ValueError("not a whole number within the limits")
        return int(number)

    return read


def one_of(*words: str) -> Reader:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError("not one of the words")
        return str(value)

    return read


def poll_interval(value: object) -> int:
    number = parse_decimal(value)
    if number not in POLL_INTERVALS:
        raise ValueError("not a divisor of a minute")
    return int(number)


def spread(value: object) -> Decimal:
    number = parse_decimal(value)
    if number is None or not 0 < number < 1:
        raise ValueError("not a difference of prices")
    return number


def percent(value: object) -> Decimal:
    number = parse_decimal(value)
    if number is None or not 0 <= number <= 100:
        raise ValueError("not a percentage")
    return number


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else None
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("not true or false")


def actions(value: object) -> tuple[ActionType, ...]:
    """A JSON array in the file, words with commas between in the environment."""
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",") if word.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")
    return tuple(ActionType(each) for each in value)


def secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value.strip() or not is_header_safe(value.strip()):
        raise ValueError("not a secret")
    return Secret(value.strip())


def is_header_safe(secret: str) -> bool:
    """Given a secret, say whether it can stand in an HTTP header as it is."""
    return secret.isascii() and secret.isprintable() and " " not in secret


def log_level(value: object) -> str:
    word = value.lower() if isinstance(value, str) else ""
    return str(one_of("debug", "info", "notice", "warning", "error")("warning" if word == "warn" else word))


def identifier(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 256 or not value.isprintable():
        raise ValueError("not an id")
    return value


def http_url(value: object) -> str:
    """Given a URL, return it without a trailing slash. Raise ValueError unless it is http(s) and bare.

    A name and password within a URL would be printed with it, so they are refused.
    """
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise ValueError("not a URL")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http(s) URL")
    if "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0:  # .port raises above 65535
        raise ValueError("not a bare URL")
    return value.rstrip("/")


def wake_url(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("not a URL")
    if not value.startswith("cli:"):
        http_url(urlsplit(value)._replace(query="").geturl())
    return value


def database_url(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a URL")
    paths.database_file(value, "/")
    return value


def or_none(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def bind_address(value: object) -> str:
    """Given an address, return it. Raise ValueError for a name, a short form, and 0.0.0.0 or ::

    Those would listen in more places than whoever wrote them may have meant.
    """
    import ipaddress

    address = ipaddress.ip_address(str(value))
    if address.is_unspecified or address.is_multicast or str(address) != value:
        raise ValueError("not one address")
    return str(address)


def is_loopback(url: str) -> bool:
    """Given an http(s) URL, say whether its host is this very machine, without asking DNS."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or is_loopback_address(host)


def is_loopback_address(address: str) -> bool:
    """Given an IP address, say whether it is this very machine; a name is not."""
    if address in ("127.0.0.1", "::1"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
