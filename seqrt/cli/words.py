"""Words of the command line that hold several things: names, sizes, the two ends of a span."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from seqrt.errors import UsageError


def names(option: str, values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names between commas; one that holds a comma itself stands in double quotes."""
    if not values:
        return None
    parts = tuple(name.strip() for name in next(csv.reader([",".join(values)])))
    if not all(parts):
        raise UsageError(f"{option} must be names with commas between, got {','.join(values)!r}.")
    return parts


def sizes(text: str | None) -> tuple[int, ...] | None:
    """Return the sizes between commas."""
    if text is None:
        return None
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise UsageError(
            f"--units must be whole numbers with commas between, such as 64,32, got {text!r}."
        ) from None


def span(text: str | None) -> tuple[str | None, str | None] | None:
    """Return the two ends of FIRST:LAST; the colons of a time of day stand evenly on both sides."""
    if text is None:
        return None
    parts = text.split(":")
    middle = len(parts) // 2
    ends = ":".join(parts[:middle]).strip(), ":".join(parts[middle:]).strip()
    if text.strip().endswith(":"):
        ends = text.strip()[:-1], ""
    elif text.strip().startswith(":"):
        ends = "", text.strip()[1:]
    elif len(parts) % 2:
        raise UsageError(
            f"--span must be FIRST:LAST, such as 1700:1920, 1700: or :1920, got {text!r}."
        )
    return ends[0] or None, ends[1] or None
