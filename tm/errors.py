"""What can go wrong, grouped by who must act.

TradeManagerError                 exit 1    500
├── Invalid                       exit 2    400   the caller: the request is wrong
│   ├── Unprocessable             exit 5    422   the caller: well-formed, contradicts what is known
├── NotFound                      exit 4    404   the caller: no such record
├── Conflict                      exit 5    409   the caller: the record's state forbids it
│   └── Refused                   exit 5    403   the caller: the configuration forbids it
├── ConfigError                   exit 78   503   the operator: settings
├── CredentialsError              exit 77   503   the operator: key missing or refused
├── DatabaseError                 exit 1    503   the operator: file corrupt, newer, read-only, full
├── Busy                          exit 75   503   nobody: try again
└── Unreachable                   exit 69   503   nobody: Vincent or the gateway does not answer
    └── RateLimited                               nobody: not before `retry_after` seconds
"""

from __future__ import annotations

from typing import Any, ClassVar

EXIT_OK = 0
EXIT_LOOK = 3
EXIT_INTERRUPTED = 130


class TradeManagerError(Exception):
    """An error with a stable code, an exit code, an HTTP status and a hint that names the fix."""

    code: str = "failed"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: list[Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details = details or []

    def to_wire(self) -> dict[str, Any]:
        """The error object of the HTTP API, also printed by the CLI: error, code, hint?, details?."""
        wire: dict[str, Any] = {"error": self.message, "code": self.code}
        if self.hint:
            wire["hint"] = self.hint
        if self.details:
            wire["details"] = self.details
        return wire


class Invalid(TradeManagerError):
    code = "invalid"
    exit_code = 2
    http_status = 400


class Unprocessable(Invalid):
    code = "unprocessable"
    exit_code = 5
    http_status = 422


class NotFound(TradeManagerError):
    code = "not_found"
    exit_code = 4
    http_status = 404


class Conflict(TradeManagerError):
    code = "conflict"
    exit_code = 5
    http_status = 409


class Refused(Conflict):
    code = "refused"
    http_status = 403


class ConfigError(TradeManagerError):
    code = "config_invalid"
    exit_code = 78
    http_status = 503


class CredentialsError(TradeManagerError):
    code = "credentials"
    exit_code = 77
    http_status = 503


class DatabaseError(TradeManagerError):
    code = "database"
    http_status = 503


class Busy(TradeManagerError):
    code = "busy"
    exit_code = 75
    http_status = 503
    retryable = True


class Unreachable(TradeManagerError):
    code = "unreachable"
    exit_code = 69
    http_status = 503
    retryable = True


class RateLimited(Unreachable):
    """Vincent answered 429; `retry_after` is in seconds, or None where it did not say."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float | None = None, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = retry_after
