"""The settings' names, kinds, limits, defaults and meanings: one field per key."""

from __future__ import annotations

import ipaddress
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

from tm import paths
from tm.credentials import is_header_safe
from tm.model import ActionType
from tm.numbers import parse_decimal

# A tick starts at whole seconds of the minute, so that systemd's timer can say when.
POLL_INTERVALS = (5, 6, 10, 12, 15, 20, 30, 60, 120, 300)


def _whole(value: object) -> int:
    number = parse_decimal(value)
    if number is None or abs(number) > 10**9 or number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def _exact(value: object) -> Decimal:
    number = parse_decimal(value)
    if number is None:
        raise ValueError("not a number")
    return number


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("not true or false")


def _names(value: object) -> object:
    """Lists are JSON arrays in the file, and words with commas between in the environment."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _secret(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str) or not value.strip() or not is_header_safe(value.strip()):
        raise ValueError("not a secret")
    return value.strip()


def _lower(value: object) -> object:
    if not isinstance(value, str):
        return value
    return "warning" if value.lower() == "warn" else value.lower()


def _http_url(value: str) -> str:
    """Given a URL, return it without a trailing slash. Raise ValueError unless it is http(s) and bare.

    A name and password within a URL would be printed with it, so they are refused.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("not an http(s) URL")
    if "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0:  # .port raises above 65535
        raise ValueError("not a bare URL")
    return value.rstrip("/")


def _wake_url(value: str) -> str:
    if value.startswith("cli:") and value.isprintable():
        return value
    parts = urlsplit(value)
    _http_url(parts._replace(query="").geturl())
    return value


def _database_url(value: str) -> str:
    paths.database_file(value, "/")
    return value


def _bind_address(value: str) -> str:
    """Given an address, return it. Raise ValueError for a name, a short form, and 0.0.0.0 or ::

    Those would listen in more places than whoever wrote them may have meant.
    """
    address = ipaddress.ip_address(value)
    if address.is_unspecified or address.is_multicast or str(address) != value:
        raise ValueError("not one address")
    return value


def _poll_interval(value: int) -> int:
    if value not in POLL_INTERVALS:
        raise ValueError("not a divisor of a minute")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
Exact = Annotated[Decimal, BeforeValidator(_exact)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Url = Annotated[str, AfterValidator(_http_url)]


def _key(default: Any, expects: str, meaning: str, **limits: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"expects": expects}, **limits)


class Settings(BaseModel):
    """What the operator decided. Times are seconds, prices USD per share, percents 0 to 100."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    state_dir: Path = Field(default_factory=lambda: Path(paths.state_dir()), alias="state_dir")

    vincent_api_url: Url = _key(
        "https://heyvincent.ai", "an http(s) URL without user, query or fragment", "where Vincent answers"
    )
    vincent_api_key: Secret | None = _key(
        None,
        "a key without blanks",
        "Vincent's key for the Polymarket wallet; unset: the one found under <state>/credentials",
    )
    vincent_key_id: str | None = _key(
        None, "the id of a key file", "which key file to use where several fit", min_length=1, max_length=256
    )
    poll_interval_seconds: Annotated[Whole, AfterValidator(_poll_interval)] = _key(
        15, "one of 5, 6, 10, 12, 15, 20, 30, 60, 120, 300", "seconds from one tick to the next"
    )
    max_spread: Exact = _key(
        Decimal("0.10"),
        "a number between 0 and 1",
        "USD per share; a book whose ask is farther above its bid is not believed",
        gt=0,
        lt=1,
    )
    max_slippage_percent: Exact = _key(
        Decimal(10),
        "a percentage, 0 to 100",
        "how far below the best bid a sale may reach into the book",
        ge=0,
        le=100,
    )
    confirm_ticks: Whole = _key(
        1, "a whole number, 1 to 100", "how many ticks in a row must agree before a rule fires", ge=1, le=100
    )
    requests_per_tick: Whole = _key(
        20,
        "a whole number, 5 to 100",
        "at most so many reads of Vincent in one tick (it allows 100 a minute)",
        ge=5,
        le=100,
    )
    price_source: Literal["auto", "vincent", "clob"] = _key(
        "auto",
        '"auto", "vincent" or "clob"',
        "where order books are read: Vincent, Polymarket's public CLOB, or the CLOB when there are many",
    )
    clob_url: Url = _key(
        "https://clob.polymarket.com",
        "an http(s) URL without user, query or fragment",
        "where Polymarket's public order books answer",
    )
    approvals: Literal["ask", "never"] = _key(
        "ask",
        '"ask" or "never"',
        '"never": you vouch that the wallet\'s policy never asks a human to approve',
    )
    allowed_actions: Annotated[tuple[ActionType, ...], BeforeValidator(_names)] = _key(
        (ActionType.SELL_ALL, ActionType.SELL_PARTIAL),
        "a list of " + ", ".join(ActionType),
        "what an alert may order",
    )
    port: Whole = _key(
        19000, "a port, 1 to 65535", "the HTTP bridge listens here, on 127.0.0.1", ge=1, le=65535
    )
    http_bind_address: Annotated[str, AfterValidator(_bind_address)] = _key(
        "127.0.0.1",
        "one IP address of this machine, written in full",
        "where the HTTP bridge listens; any but 127.0.0.1 or ::1 lets others in, and needs an apiToken",
    )
    serve_idle_seconds: Whole = _key(
        600,
        "a whole number of seconds, 1 to 86400",
        "an HTTP bridge that systemd started for a request ends after so long without one",
        ge=1,
        le=86400,
    )
    api_token: Secret | None = _key(
        None, "a token without blanks", "when set, every /api call must carry it as a bearer token"
    )
    alerts_shared_secret: Secret | None = _key(
        None,
        "a secret without blanks",
        "what POST /api/alerts must carry; unset: alerts over HTTP are refused",
    )
    notify_agent: Flag = _key(True, "true or false", "wake the agent when a rule's fate is known")
    agent_wake_url: Annotated[str, AfterValidator(_wake_url)] | None = _key(
        None,
        "an http(s) URL, cli: or cli:/path/to/openclaw",
        "how the agent is woken, for example http://127.0.0.1:18789/hooks/agent",
    )
    agent_wake_token: Secret | None = _key(None, "a token without blanks", "the gateway's hooks.token")
    job_poll_interval_seconds: Whole = _key(
        2,
        "a whole number of seconds, 1 to 60",
        "a tick goes on with jobs that are due within so many seconds",
        ge=1,
        le=60,
    )
    max_job_attempts: Whole = _key(
        5, "a whole number, 1 to 100", "how often a job is tried before it fails", ge=1, le=100
    )
    breaker_threshold: Whole = _key(
        5,
        "a whole number, 1 to 1000",
        "after so many ticks in a row without an answer, calls pause",
        ge=1,
        le=1000,
    )
    breaker_cooldown_seconds: Whole = _key(
        60, "a whole number of seconds, 1 to 86400", "how long they pause before one probe", ge=1, le=86400
    )
    evaluation_log: Literal["changes", "all"] = _key(
        "changes", '"changes" or "all"', "which evaluations become events"
    )
    event_retention_days: Whole = _key(
        30, "a whole number of days, 1 to 3650", "how long evaluation events are kept", ge=1, le=3650
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = _key(
        paths.DEFAULT_DATABASE_URL,
        "of the form file:PATH",
        "the database; ~ is expanded, a relative path lies in the state directory",
    )
    log_level: Annotated[Literal["debug", "info", "notice", "warning", "error"], BeforeValidator(_lower)] = (
        _key("info", "debug, info, notice, warning or error", "the least serious line that is logged")
    )
    paper: Flag = _key(
        False, "true or false", "trade on the paper exchange; vincentApiUrl must then be on this machine"
    )

    @property
    def database_path(self) -> Path:
        return Path(paths.database_file(self.database_url, str(self.state_dir)))

    @model_validator(mode="after")
    def _strangers_need_a_token(self) -> Self:
        if not ipaddress.ip_address(self.http_bind_address).is_loopback and self.api_token is None:
            raise ValueError(
                f"httpBindAddress is {self.http_bind_address}, where other machines can reach it, and there "
                "is no apiToken: set one, or leave httpBindAddress at 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _paper_stays_home(self) -> Self:
        if self.paper and not is_loopback(self.vincent_api_url):
            raise ValueError(
                f"paper is true, but vincentApiUrl is {self.vincent_api_url}, which is not on this machine: "
                "set it to the paper exchange (http://127.0.0.1:19010), or paper to false"
            )
        return self


def is_loopback(url: str) -> bool:
    """Given an http(s) URL, say whether its host is this very machine, without asking DNS."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
