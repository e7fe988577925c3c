"""C text: numbers that every compiler reads alike, names, comments that no name can end."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np

from seqrt.errors import UsageError
from seqrt.export.to_c.places import Array

# The first 31 characters of a name count in C99, and the longest is NAME_FEATURES with an h.
LONGEST_NAME: Final = 20
_NAME: Final = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_NAME - 1}}}")
_NUMBERS_A_LINE: Final = 8


def check_name(name: str) -> str:
    """Return `name` if it may begin the names of C functions and types; else raise UsageError."""
    if not _NAME.fullmatch(name) or name.lower().startswith("seqrt"):
        raise UsageError(
            f"the name must be a C identifier of 1 to {LONGEST_NAME} letters, digits and"
            f" underscores, begin with a letter and not with seqrt, got {name!r:.60}."
        )
    return name


def name_from(text: str) -> str:
    """Return the C name that is nearest to a text.

    >>> name_from("sunspots-gru-1"), name_from("3 pumps"), name_from("öl")
    ('sunspots_gru_1', 'model_3_pumps', 'model_l')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not name[:1].isalpha() or text[:1] != name[:1] or name.lower().startswith("seqrt"):
        name = f"model_{name}".rstrip("_")
    return name[:LONGEST_NAME].rstrip("_")


def identifier(text: str) -> str:
    """Return a text with every character that a C identifier must not have as an underscore."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)[:40]


def comment(text: str) -> str:
    """Return a text on one line that is safe inside a comment, whatever it holds.

    >>> comment("m/s */ int main(")
    'm/s * / int main('
    """
    plain = "".join(c if c.isprintable() and c not in "\\?" else " " for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *")


def number(value: float) -> str:
    """Return a float32 as a C constant that is exactly it.

    >>> number(2.0**-20), number(-2.5), number(0.0)
    ('0x1p-20f', '-2.5f', '0.0f')
    """
    if value * 1024 == round(value * 1024) and abs(value) < 1 << 20:
        return f"{value!r}f"
    mantissa, exponent = _parts(value, 24)
    return f"{'-' if value < 0 else ''}0x{mantissa:x}p{exponent}f"


def double(value: float) -> str:
    """Return a float64 as a C constant that is exactly it."""
    if not value:
        return "0.0"
    mantissa, exponent = _parts(value, 53)
    return f"{'-' if value < 0 else ''}0x{mantissa:x}p{exponent}"


def _parts(value: float, bits: int) -> tuple[int, int]:
    """Return the odd whole number and the power of two whose product is the absolute value."""
    fraction, exponent = math.frexp(abs(value))
    mantissa, exponent = int(math.ldexp(fraction, bits)), exponent - bits
    while mantissa % 2 == 0:
        mantissa, exponent = mantissa // 2, exponent + 1
    return mantissa, exponent


def plus(pointer: str, offset: int) -> str:
    """Return the C of a pointer, so many numbers further on.

    >>> plus("w", 0), plus("w", 4), plus("w + 4", 8), plus("w + i * 3", 8)
    ('w', 'w + 4', 'w + 12', 'w + i * 3 + 8')
    """
    if not offset:
        return pointer
    head, _, last = pointer.rpartition(" + ")
    return f"{head} + {int(last) + offset}" if last.isdecimal() else f"{pointer} + {offset}"


def float_array(values: Array) -> list[str]:
    """Return float32 numbers as C constants; NaN is NAN of math.h."""
    flat = [float(each) for each in np.asarray(values, np.float32).ravel()]
    return ["NAN" if math.isnan(each) else number(each) if each else "0" for each in flat]


def array_text(kind: str, name: str, items: list[str]) -> str:
    """Return the definition of a constant array."""
    lines = [
        ", ".join(items[i : i + _NUMBERS_A_LINE]) for i in range(0, len(items), _NUMBERS_A_LINE)
    ]
    body = ",\n    ".join(lines)
    return f"static const {kind} {name}[{len(items)}] = {{\n    {body}\n}};"
