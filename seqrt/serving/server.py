"""An HTTP server for one model, from opening its port to the last response."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING

import uvicorn

from seqrt.errors import UsageError
from seqrt.serving.app import Service
from seqrt.serving.sequences import LiveSequences

if TYPE_CHECKING:
    from seqrt.runtime import Model
    from seqrt.serving.limits import ServingLimits

# How long a connection may stay open between requests.
_KEEP_ALIVE_SECONDS = 75
# For the last responses to be computed and sent, after all that the limits allow for.
_SECONDS_TO_FINISH = 30
_WAITING_CONNECTIONS = 2048


class ModelServer:
    """A server for one model; the port is open, and connections wait, from its creation on."""

    def __init__(
        self,
        model: Model,
        name: str,
        version: str,
        address: tuple[str, int],
        limits: ServingLimits,
        saved: bytes | None = None,
    ) -> None:
        """Listen at `address`, a host and a port or 0 for any free one.

        `name` is that of the model in URLs, `version` that of seqrt. `saved` is what `save` or
        `Streams.snapshot` returned: these sequences continue.

        Raises UsageError for an address that is not free here, and InputError for a `saved` of
        another model.
        """
        self._model = model
        self._sequences = LiveSequences(limits)
        if saved is not None:
            self._sequences.restore(saved, model.digest, model.manifest.state_size)
        self._socket = _listening(*address)
        service = Service(model, name, version, limits, self._sequences)
        config = uvicorn.Config(
            service.app,
            http="h11",  # the same parser everywhere, also where a faster one is installed
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=ceil(2 * limits.seconds) + _SECONDS_TO_FINISH,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """The address of the server."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer requests until `stop`; return when those that had begun are answered."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Accept no further requests; may be called from any thread or signal handler."""
        self._server.should_exit = True

    def save(self) -> bytes:
        """Return the live sequences as `Streams.snapshot` does."""
        return self._sequences.snapshot(self._model.digest, self._model.manifest.state_size)


class _Server(uvicorn.Server):
    """uvicorn without handlers for signals, which belong to the caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening(host: str, port: int) -> socket.socket:
    """Return an open port.

    The protocol is given because asyncio sends small packets at once (TCP_NODELAY) only where it
    is: without, each response waited 40 ms for the client's acknowledgement of its headers.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_WAITING_CONNECTIONS)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {host}, port {port}: {reason}. Choose another --host or --port; port"
            " 0 is any free one."
        ) from None
    return listening
