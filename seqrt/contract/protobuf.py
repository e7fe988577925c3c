"""Protobuf, read field by field: nothing is copied, nothing is believed.

A message is a row of fields, each a tag (number and wire type) and a value. Sizes are checked
against the bytes that are there before anything is made from them, and a message of more fields
than any honest one has is not read to its end.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_MOST_FIELDS = 10_000
_FIXED = {FIXED64: 8, FIXED32: 4}


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield number, wire type and value of each field: a number for VARINT, else its bytes.

    Raises ValueError, or IndexError, where the bytes are no message.
    """
    at, end, count = 0, len(message), 0
    while at < end:
        count += 1
        if count > _MOST_FIELDS:
            raise ValueError(f"more than {_MOST_FIELDS:,} fields in a message")
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == LENGTH:
            size, at = _varint(message, at)
        elif wire == VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, wire, value
            continue
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > end:
            raise ValueError("a field runs over the end")
        yield tag >> 3, wire, message[at : at + size]
        at += size


def signed(value: int) -> int:
    """Return the 64 bits of a varint as the signed number they stand for."""
    return value - (1 << 64) if value >> 63 else value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read a base-128 number of at most 64 bits at `at`; return it and the place behind it."""
    value = message[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for shift in range(7, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, at
    raise ValueError("a number of more than 64 bits")
