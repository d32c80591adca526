"""The settings' names, kinds, limits, defaults and meanings: one field per key, read without pydantic.

Each command reads the settings, and most have no other use for pydantic, which costs more than they do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tm import paths
from tm.model import ActionType
from tm.values import (
    POLL_INTERVALS,
    Reader,
    Secret,
    actions,
    bind_address,
    database_url,
    flag,
    http_url,
    identifier,
    is_loopback,
    is_loopback_address,
    log_level,
    one_of,
    or_none,
    percent,
    poll_interval,
    secret,
    spread,
    wake_url,
    whole,
)

PUBLIC_CLOB = "https://clob.polymarket.com"

_URL = "an http(s) URL without user, query or fragment"


def _key(default: Any, read: Reader, expects: str, meaning: str) -> Any:
    return field(default=default, metadata={"read": read, "expects": expects, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided. Times are seconds, prices USD per share, percents 0 to 100."""

    state_dir: Path = field(default_factory=lambda: Path(paths.state_dir()))

    vincent_api_url: str = _key("https://heyvincent.ai", http_url, _URL, "where Vincent answers")
    vincent_api_key: Secret | None = _key(
        None,
        or_none(secret),
        "a key without blanks",
        "Vincent's key for the Polymarket wallet; unset: the one found under <state>/credentials",
    )
    vincent_key_id: str | None = _key(
        None, or_none(identifier), "the id of a key file", "which key file to use where several fit"
    )
    poll_interval_seconds: int = _key(
        15,
        poll_interval,
        "one of " + ", ".join(map(str, POLL_INTERVALS)),
        "seconds from one tick to the next",
    )
    max_spread: Decimal = _key(
        Decimal("0.10"),
        spread,
        "a number between 0 and 1",
        "USD per share; a book whose ask is farther above its bid is not believed",
    )
    max_slippage_percent: Decimal = _key(
        Decimal(10),
        percent,
        "a percentage, 0 to 100",
        "how far below the best bid a sale may reach into the book",
    )
    confirm_ticks: int = _key(
        1, whole(1, 100), "a whole number, 1 to 100", "how many ticks in a row must agree before a rule fires"
    )
    requests_per_tick: int = _key(
        20,
        whole(5, 100),
        "a whole number, 5 to 100",
        "at most so many reads of Vincent in one tick (it allows 100 a minute)",
    )
    price_source: str = _key(
        "auto",
        one_of("auto", "vincent", "clob"),
        '"auto", "vincent" or "clob"',
        "where order books are read: Vincent, Polymarket's public CLOB, or the CLOB when there are many",
    )
    clob_url: str = _key(
        PUBLIC_CLOB,
        http_url,
        _URL,
        "where Polymarket's public order books answer; on paper: where vincentApiUrl is",
    )
    approvals: str = _key(
        "ask",
        one_of("ask", "never"),
        '"ask" or "never"',
        '"never": you vouch that the wallet\'s policy never asks a human to approve',
    )
    allowed_actions: tuple[ActionType, ...] = _key(
        (ActionType.SELL_ALL, ActionType.SELL_PARTIAL),
        actions,
        "a list of " + ", ".join(ActionType),
        "what an alert may order",
    )
    port: int = _key(
        19000, whole(1, 65535), "a port, 1 to 65535", "the HTTP bridge listens here, on 127.0.0.1"
    )
    http_bind_address: str = _key(
        "127.0.0.1",
        bind_address,
        "one IP address of this machine, written in full",
        "where the HTTP bridge listens; any but 127.0.0.1 or ::1 lets others in, and needs an apiToken",
    )
    serve_idle_seconds: int = _key(
        600,
        whole(1, 86400),
        "a whole number of seconds, 1 to 86400",
        "an HTTP bridge that systemd started for a request ends after so long without one",
    )
    api_token: Secret | None = _key(
        None,
        or_none(secret),
        "a token without blanks",
        "when set, every /api call must carry it as a bearer token",
    )
    alerts_shared_secret: Secret | None = _key(
        None,
        or_none(secret),
        "a secret without blanks",
        "what POST /api/alerts must carry; unset: alerts over HTTP are refused",
    )
    notify_agent: bool = _key(True, flag, "true or false", "wake the agent when a rule's fate is known")
    agent_wake_url: str | None = _key(
        None,
        or_none(wake_url),
        "an http(s) URL, cli: or cli:/path/to/openclaw",
        "how the agent is woken, for example http://127.0.0.1:18789/hooks/agent",
    )
    agent_wake_token: Secret | None = _key(
        None, or_none(secret), "a token without blanks", "the gateway's hooks.token"
    )
    job_poll_interval_seconds: int = _key(
        2,
        whole(1, 60),
        "a whole number of seconds, 1 to 60",
        "a tick goes on with jobs that are due within so many seconds",
    )
    max_job_attempts: int = _key(
        5, whole(1, 100), "a whole number, 1 to 100", "how often a job is tried before it fails"
    )
    breaker_threshold: int = _key(
        5,
        whole(1, 1000),
        "a whole number, 1 to 1000",
        "after so many ticks in a row without an answer Vincent is left alone",
    )
    breaker_cooldown_seconds: int = _key(
        60, whole(1, 86400), "a whole number of seconds, 1 to 86400", "for how long, before one probe"
    )
    evaluation_log: str = _key(
        "changes", one_of("changes", "all"), '"changes" or "all"', "which evaluations become events"
    )
    event_retention_days: int = _key(
        30, whole(1, 3650), "a whole number of days, 1 to 3650", "how long evaluation events are kept"
    )
    database_url: str = _key(
        paths.DEFAULT_DATABASE_URL,
        database_url,
        "of the form file:PATH",
        "the database; ~ is expanded, a relative path lies in the state directory",
    )
    update_index_url: str = _key(
        "https://pypi.org/simple", http_url, _URL, "the package index that `tm update` asks"
    )
    log_level: str = _key(
        "info", log_level, "debug, info, notice, warning or error", "the least serious line that is logged"
    )
    paper: bool = _key(
        False,
        flag,
        "true or false",
        "trade on the paper exchange; vincentApiUrl must then be on this machine",
    )

    def __post_init__(self) -> None:
        if self.paper and not is_loopback(self.vincent_api_url):
            raise ValueError(
                f"paper is true, but vincentApiUrl is {self.vincent_api_url}, which is not on this machine: "
                "set it to the paper exchange (http://127.0.0.1:19010), or paper to false"
            )
        if self.paper and self.clob_url == PUBLIC_CLOB:  # who trades on paper never calls out
            object.__setattr__(self, "clob_url", self.vincent_api_url)
        if self.paper and not is_loopback(self.clob_url):
            raise ValueError(
                f"paper is true, but clobUrl is {self.clob_url}, which is not on this machine: leave it out"
            )
        if self.api_token is None and not is_loopback_address(self.http_bind_address):
            raise ValueError(
                f"httpBindAddress is {self.http_bind_address}, where other machines can reach it, and there "
                "is no apiToken: set one, or leave httpBindAddress at 127.0.0.1"
            )

    @property
    def database_path(self) -> Path:
        return Path(paths.database_file(self.database_url, str(self.state_dir)))
