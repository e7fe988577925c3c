"""How much a server accepts, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from seqrt.errors import UsageError

_BODIES_AT_ONCE = 16
# A year.
_LONGEST = 365 * 86_400


@dataclass(frozen=True)
class ServingLimits:
    """The bounds of a server.

    body     bytes of a request, and of the tensors of a response
    seconds  for a request to arrive, and again to wait for its turn
    streams  sequences that are live at a time
    idle     seconds after which a sequence without requests is dropped
    """

    body: int = 16 << 20
    seconds: float = 30.0
    streams: int = 10_000
    idle: float = 600.0

    def __post_init__(self) -> None:
        """Raise UsageError for a time that is NaN, not positive or longer than a year."""
        for flag, seconds in (("--timeout", self.seconds), ("--idle", self.idle)):
            if not 0 < seconds <= _LONGEST:
                raise UsageError(
                    f"{flag} must be more than 0 and at most {_LONGEST} seconds, got {seconds:g}."
                )

    @property
    def held(self) -> int:
        """Bytes of all bodies that are in memory at a time."""
        return _BODIES_AT_ONCE * self.body
