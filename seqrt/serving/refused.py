"""A request that is refused, with its HTTP status."""

from __future__ import annotations

from seqrt.errors import ModelError, ResourceError, SeqrtError


class RefusedRequest(SeqrtError):
    """A request that this server does not answer: an HTTP status, and a sentence.

    With `close` the connection is closed, because part of the body may not have been read.
    """

    def __init__(self, status: int, sentence: str, close: bool = False) -> None:
        super().__init__(status, sentence, close)
        self.status = status
        self.close = close

    def __str__(self) -> str:
        """Return the sentence."""
        return str(self.args[1])


def malformed(sentence: str) -> RefusedRequest:
    """Return the refusal of a body that does not follow the protocol."""
    return RefusedRequest(400, f"E_REQUEST: {sentence}")


def status_of(error: SeqrtError) -> int:
    """Return the HTTP status of an error: 400 unless the server is at fault or overloaded."""
    if isinstance(error, RefusedRequest):
        return error.status
    if isinstance(error, ResourceError):
        return 503
    return 400 if isinstance(error, ValueError | ModelError) else 500
