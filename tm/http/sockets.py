"""The socket to serve on: our own, or the one that systemd hands over (sd_listen_fds(3))."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping

from tm.config import Settings
from tm.errors import Busy, ConfigError

FIRST_FD = 3  # where systemd puts what it hands over
BACKLOG = 1024


def lent_socket(
    bind_address: str, environ: MutableMapping[str, str] = os.environ, fd: int = FIRST_FD
) -> socket.socket | None:
    """Return the listening socket that systemd handed to this process, or None where it did not.

    Its variables are taken out of the environment: they are not meant for our children. Raise ConfigError
    for anything but one TCP socket that listens where the settings allow it.
    """
    meant_for, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if meant_for != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise ConfigError(f"systemd hands over {count} sockets, not one", hint="check the socket unit")
    os.set_inheritable(fd, False)
    lent = socket.socket(fileno=fd)
    if lent.family not in (socket.AF_INET, socket.AF_INET6) or lent.type != socket.SOCK_STREAM:
        raise ConfigError("systemd hands over a socket that is not TCP", hint="check ListenStream=")
    address = lent.getsockname()[0]
    if address not in ("127.0.0.1", "::1", bind_address):
        raise ConfigError(
            f"the socket unit listens at {address}, the configuration says {bind_address}",
            hint="`tm install` writes the units anew; httpBindAddress says where to listen",
        )
    return lent


def own_socket(settings: Settings) -> socket.socket:
    """Listen at the settings' address and port. Raise Busy where another program does, ConfigError."""
    address, port = settings.http_bind_address, settings.port
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise Busy(
                f"another program listens on {address}:{port}",
                code="port_taken",
                hint=f"`ss -ltnp 'sport = {port}'` names it; --port gives another",
            ) from None
        raise ConfigError(
            f"cannot listen on {address}:{port}: {error.strerror}", hint="check port and httpBindAddress"
        ) from None
    return listening
