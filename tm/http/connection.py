"""Connections: how long one may take, and which one goes when there are too many.

Waitress ends a connection that is silent. One that sends a byte now and then it keeps for ever, and at its
limit of connections it lets newcomers wait: a thousand idle ones would shut everybody out.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from tm.http.protocol import MAX_BODY, Exchange, Parser, Refusal, RequestTimeout

THREADS = 8
MAX_CONNECTIONS = 256
MAX_HEADERS = 16 * 1024  # bytes
MAX_UNREAD = 1024 * 1024  # bytes of answers that a reader has not taken, before the next one is begun
HEADER_SECONDS = 10.0  # for a request's headers, from its first byte
REQUEST_SECONDS = 30.0  # for the whole of it
IDLE_SECONDS = 60.0  # for a connection on which nothing is asked
STALLED_SECONDS = 60.0  # for a reader that takes nothing of its answer
GRACE_SECONDS = 10.0  # for requests under way when the server is told to stop


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    task_class = Exchange
    error_task_class = Refusal
    parser_class = Parser
    request: Any
    will_close: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.since = time.monotonic()  # nothing was asked since, or the request's first byte came then
        super().__init__(*args, **kwargs)

    def received(self, data: bytes) -> bool:
        first = self.request is None
        alive = bool(super().received(data))
        if first:
            self.since = time.monotonic()
        return alive

    def service(self) -> None:
        self.server.asked_at = time.monotonic()
        super().service()
        self.since = self.server.asked_at = time.monotonic()

    @property
    def busy(self) -> bool:
        """Say whether a request is arriving, being answered, or its answer is on the way."""
        return bool(self.requests or self.total_outbufs_len or self.request is not None)

    @property
    def waiting(self) -> bool:
        """Say whether nothing is lost but the sender's patience when this connection ends."""
        return not self.requests and not self.total_outbufs_len

    def end_if_overdue(self, now: float) -> None:
        """Given the monotonic clock, end what has taken too long; half a request is answered with 408."""
        if self.total_outbufs_len:
            # To ask for it by `will_close`, as waitress does, would wait until the reader takes something.
            if time.time() - self.last_activity > STALLED_SECONDS:
                self.handle_close()
        elif self.requests:
            return
        elif self.request is None:
            if now - self.since > IDLE_SECONDS:
                self.handle_close()
        elif now - self.since > (REQUEST_SECONDS if self.request.headers_finished else HEADER_SECONDS):
            self._time_out()

    def _time_out(self) -> None:
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None or self.requests:
                return
            request.error = RequestTimeout("")
            request.completed = True
            self.requests.append(request)
        self.server.add_task(self)


class Workers(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that run the application. Each says when it ends, so that its database can be closed."""

    def __init__(self, at_end: Callable[[], None]) -> None:
        super().__init__()
        self._at_end = at_end

    def handler_thread(self, thread_no: int) -> None:
        try:
            super().handler_thread(thread_no)
        finally:
            self._at_end()


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """Accepts, serves, and ends: when told to, or after so long without a request."""

    channel_class = Channel

    def __init__(
        self,
        app: Callable[..., Any],
        listening: socket.socket,
        *,
        lent: bool,
        idle_seconds: float | None = None,
        at_thread_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`lent`: the socket is systemd's, which goes on listening when we are gone."""
        self.stopping = False
        self.asked_at = self._tidy_at = time.monotonic()
        self._lent = lent
        self._idle_seconds = idle_seconds
        workers = Workers(at_thread_end)
        workers.set_thread_count(THREADS)
        super().__init__(
            app,
            _sock=listening,
            dispatcher=workers,
            bind_socket=False,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            adj=Adjustments(
                threads=THREADS,
                ident=None,
                connection_limit=MAX_CONNECTIONS * 2,  # never reached: `_make_room` comes before
                max_request_body_size=MAX_BODY + 1,  # waitress refuses what is as large as its limit
                max_request_header_size=MAX_HEADERS,
                outbuf_high_watermark=MAX_UNREAD,
                log_socket_errors=False,
            ),
        )

    @property
    def url(self) -> str:
        host = self.effective_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.effective_port}"

    def maintenance(self, now: float) -> None:
        """Nothing: waitress calls this in the middle of a turn, where no connection may be closed."""

    def stop(self) -> None:
        """Ask the server to end; may be called from a signal handler or another thread."""
        self.stopping = True
        with contextlib.suppress(OSError):  # it has ended already
            self.pull_trigger()

    def serve(self) -> None:
        """Serve until told to stop, or until nobody asked anything for `idle_seconds`."""
        while not self.stopping and not self._forgotten():
            self._turn(1.0)
        self._wind_down()

    def _turn(self, seconds: float) -> None:
        """Wait so long for something to happen, do what is to be done about it, and tidy up.

        Connections are closed here and not within the turn: there the number of one that is closed can be
        given to a new one, which then gets what had happened to the old one.
        """
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        if len(self.active_channels) > MAX_CONNECTIONS:
            self._make_room()
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + 1
            for channel in list(self.active_channels.values()):
                channel.end_if_overdue(now)

    def _make_room(self) -> None:
        """Drop the connection that has waited longest for its own sender."""
        waiting = [channel for channel in self.active_channels.values() if channel.waiting]
        if waiting:
            min(waiting, key=lambda channel: float(channel.since)).handle_close()

    def _forgotten(self) -> bool:
        if self._idle_seconds is None or time.monotonic() - self.asked_at < self._idle_seconds:
            return False
        return not any(channel.busy for channel in self.active_channels.values())

    def _wind_down(self) -> None:
        """Answer what was asked, take nothing new, and close."""
        self.stopping = True
        if not self._lent:
            self._accept_all()
        wasyncore.dispatcher.close(self)
        deadline = time.monotonic() + GRACE_SECONDS
        self._turn(0.05)  # what has arrived is read
        while time.monotonic() < deadline and any(c.busy for c in self.active_channels.values()):
            self._turn(0.05)
        self.task_dispatcher.shutdown()
        self.trigger.close()
        wasyncore.close_all(self._map)

    def _accept_all(self) -> None:
        """Take in those who connected before we were told to stop."""
        connections = -1
        while connections < len(self.active_channels) < MAX_CONNECTIONS:
            connections = len(self.active_channels)
            super().handle_accept()
