"""What goes wrong at the door, before any use case is asked. The tree's root is `tm.errors`."""

from __future__ import annotations

from tm.errors import Invalid, NotFound, TradeManagerError


class Unauthorized(TradeManagerError):
    code = "unauthorized"
    http_status = 401


class NoSuchRoute(NotFound):
    code = "no_such_route"


class MethodNotAllowed(TradeManagerError):
    code = "method_not_allowed"
    http_status = 405


class TooLarge(Invalid):
    code = "body_too_large"
    http_status = 413


class NotJson(Invalid):
    code = "not_json"
    http_status = 415


class TooManyFailures(Unauthorized):
    """Too many wrong tokens; `retry_after` is in seconds."""

    code = "too_many_failures"
    http_status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
