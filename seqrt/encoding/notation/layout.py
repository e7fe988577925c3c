"""Writing times as the data writes them: in its order, with its separators and its zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrt.encoding.notation.forms import MONTHS, WEEKDAYS, Form
from seqrt.encoding.notation.zones import is_fixed

Instants = NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
_MONTHS_OF_DATE = "datetime64[M]"
_CLOCK_PARTS = {"H": 3_600, "M": 60, "S": 1}


@dataclass(frozen=True)
class Layout:
    """How times are written: pairs of a part and its width, or of "" and text to copy.

    The parts are those of a Form. `bare` names the parts without leading zeros. `zone` is the time
    zone whose clock the text shows, if it has a name; `zoned` whether it shows any.
    """

    parts: tuple[tuple[str, int | str], ...]
    bare: frozenset[str] = frozenset()
    zone: str = ""
    zoned: bool = False

    @classmethod
    def of(cls, form: Form, others: Sequence[Form], written: str) -> Layout:
        """Return the layout of a form; the other forms of its column tell which zeros it omits."""
        order = ("d", "m") if written == "dmy" else ("m", "d")
        names = {"first": order[0], "second": order[1]}
        spans = sorted((span, part) for part, span in form.spans.items() if part not in _UNWRITTEN)
        parts: list[tuple[str, int | str]] = []
        end = 0
        for (start, stop), part in spans:
            if start > end:
                parts.append(("", form.template[end:start]))
            wide = max(stop - start, *(_width(each, part) for each in others))
            parts.append((names.get(part, part), wide if part == "name" else stop - start))
            end = stop
        parts.append(("", form.template[end:].rstrip()))
        bare = {
            names.get(part, part)
            for each in others
            for part, (start, stop) in each.spans.items()
            if part in _MAY_BE_BARE and stop - start == 1
        }
        named = bool(form.zone) and not is_fixed(form.zone)
        zoned = bool(form.zone) or "sign" in form.spans
        return cls(tuple(parts), frozenset(bare), form.zone if named else "", zoned)

    def has(self, part: str) -> bool:
        """Whether the text shows this part of a time."""
        return any(name == part for name, _ in self.parts)

    def write(self, wall: Instants, offset: Instants) -> list[str]:
        """Return the text of times on the clock, with their offsets from UTC, in microseconds."""
        fields = _fields(wall, offset, twelve=self.has("half"))
        columns: list[NDArray[np.uint8]] = []
        for part, width in self.parts:
            if isinstance(width, str):
                columns.append(_copied(width.encode(), len(wall)))
            elif part in ("name", "weekday"):
                columns.append(_named(part, fields, width))
            elif part in ("sign", "half"):
                columns.append(fields[part].astype(np.uint8)[:, None])
            else:
                bare = part in self.bare
                columns.append(_digits(part, fields, max(width, 2) if bare else width, bare))
        text = np.ascontiguousarray(np.concatenate(columns, axis=1))
        lines = text.view(f"S{text.shape[1]}")[:, 0].tolist()
        if self.bare or self.has("name") or self.has("weekday"):
            lines = [line.replace(b"\0", b"") for line in lines]
        return [line.decode("ascii") for line in lines]


_MAY_BE_BARE = frozenset({"first", "second", "d", "m", "H"})
_UNWRITTEN = frozenset({"dash", "mark", "zone"})


def _width(form: Form, part: str) -> int:
    start, stop = form.spans.get(part, (0, 0))
    return stop - start


def _fields(wall: Instants, offset: Instants, *, twelve: bool) -> dict[str, Instants]:
    """Return the numbers that the parts of a text show; signs and halves of a day as characters."""
    days = wall // DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype(_MONTHS_OF_DATE)
    number = months.astype(np.int64)
    seconds, fraction = np.divmod(wall - days * DAY, SECOND)
    fields = {
        "Y": number // 12 + 1970,
        "m": number % 12 + 1,
        "Q": number % 12 // 3 + 1,
        "d": (dates - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days + 3) % 7,
        "f": fraction,
        "sign": np.where(offset < 0, ord("-"), ord("+")),
        "half": np.where(seconds < DAY // SECOND // 2, ord("A"), ord("P")),
    }
    for part, unit in _CLOCK_PARTS.items():
        fields[part] = seconds // unit % (24 if part == "H" else 60)
    if twelve:
        fields["H"] = (fields["H"] + 11) % 12 + 1
    minutes = np.abs(offset) // (60 * SECOND)
    return fields | {"zh": minutes // 60, "zm": minutes % 60}


def _copied(text: bytes, rows: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (rows, len(text)))


def _named(part: str, fields: dict[str, Instants], width: int) -> NDArray[np.uint8]:
    """Return the names of months or weekdays, whole if they were, else their first letters."""
    names, at = (MONTHS, fields["m"] - 1) if part == "name" else (WEEKDAYS, fields["weekday"])
    short = [name if width > len("Jan.") else name[:3] for name in names]
    table = np.array(short, "S")
    return table.view(np.uint8).reshape(len(names), -1)[at]


def _digits(part: str, fields: dict[str, Instants], width: int, bare: bool) -> NDArray[np.uint8]:
    """Return the decimal digits of a part; leading zeros are NUL if they are not written."""
    value = fields[part]
    if part == "f":
        value = value * 10 ** max(width - 6, 0) // 10 ** max(6 - width, 0)
    powers = 10 ** np.arange(width - 1, -1, -1)
    digits = (value[:, None] // powers % 10 + ord("0")).astype(np.uint8)
    if bare:
        digits[value < 10, : width - 1] = 0
    return digits
