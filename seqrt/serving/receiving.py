"""Receiving bodies within the limits of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from seqrt.serving.refused import RefusedRequest

if TYPE_CHECKING:
    from starlette.requests import Request

    from seqrt.serving.limits import ServingLimits

_SECONDS_TO_DISCARD = 2.0
_TOO_SLOW = 408


class Receiving:
    """The bodies that a server holds, whose total size is limited."""

    def __init__(self, limits: ServingLimits) -> None:
        self._limits = limits
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body of a request, which counts as held until the block ends.

        Raises RefusedRequest for a body that is compressed, too large or too slow, and where the
        bodies of all requests are too large.
        """
        body = bytearray()
        try:
            try:
                await self._receive(request, body)
            except RefusedRequest as error:
                if error.status != _TOO_SLOW:
                    await _discard(request)
                raise
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _receive(self, request: Request, body: bytearray) -> None:
        _check_encoding(request)
        declared = request.headers.get("content-length", "0")
        if len(declared) > len(str(self._limits.body)) or int(declared) > self._limits.body:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for part in request.stream():
                    body += part
                    self._held += len(part)
                    self._check(body)
        except TimeoutError:
            raise RefusedRequest(
                _TOO_SLOW,
                f"E_REQUEST_TIME: a request must arrive within {self._limits.seconds:g} s. Send it"
                " again, or raise --timeout.",
                close=True,
            ) from None

    def _check(self, body: bytearray) -> None:
        if len(body) > self._limits.body:
            raise self._too_large()
        if self._held > self._limits.held:
            raise RefusedRequest(
                503,
                f"E_REQUEST_BUSY: the bodies of all requests may have {self._limits.held:,} bytes"
                " at a time, and have more. Send the request again later.",
                close=True,
            )

    def _too_large(self) -> RefusedRequest:
        return RefusedRequest(
            413,
            f"E_REQUEST_SIZE: the body of a request may have {self._limits.body:,} bytes. Send"
            " fewer rows or steps at a time, or raise --body.",
            close=True,
        )


async def _discard(request: Request) -> None:
    """Read the rest of a body for a short time: a client that is still sending reads no response.

    Closing the connection with bytes unread would reset it, and the response would be lost.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS_TO_DISCARD):
            async for _ in request.stream():
                pass


def _check_encoding(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RefusedRequest(
            415,
            f"E_REQUEST_ENCODING: a body must not be compressed, got {encoding!r:.60}. Send it"
            " without Content-Encoding.",
            close=True,
        )
