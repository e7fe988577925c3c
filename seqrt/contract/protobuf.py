"""A protobuf reader for untrusted bytes: it copies nothing and checks every size.

A message is a sequence of fields, each a tag (field number and wire type) and a value. Sizes are
checked against the remaining bytes before they are used, and a message with more fields than any
real model has is rejected before its end is reached.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_MOST_FIELDS = 10_000
_FIXED = {FIXED64: 8, FIXED32: 4}


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield number, wire type and value of each field; the value is an int for VARINT, else bytes.

    Raises ValueError or IndexError for bytes that are not a message.
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
            raise ValueError("a field is longer than its message")
        yield tag >> 3, wire, message[at : at + size]
        at += size


def signed(value: int) -> int:
    """Reinterpret the 64 bits of a varint as a signed integer."""
    return value - (1 << 64) if value >> 63 else value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read a base-128 number of at most 64 bits at `at`; return it and the position after it."""
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
