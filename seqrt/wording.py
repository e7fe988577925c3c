"""How messages name a series, count things, and show a cell on one line."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 32


def series_name(key: Sequence[str]) -> str:
    """Return the name of a series: the cells that tell it apart, with a stroke between them.

    >>> series_name(("north", "bread"))
    'north/bread'
    """
    return "/".join(key)


def counted(count: int, thing: str) -> str:
    """Return a number of things in words; the plural of `thing` has an s.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def on_one_line(text: str, longest: int = _LONGEST) -> str:
    r"""Return text without line breaks, and at most so many characters of it.

    >>> on_one_line("Wind\nspeed"), on_one_line("2024-03-29 00:00", 12)
    ('Wind speed', '2024-03-2...')
    """
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def numbers_first(text: str) -> tuple[int, str]:
    """Return the key by which names are sorted: whole numbers by value, then other text.

    >>> sorted(["b", "10", "9", "a"], key=numbers_first)
    ['9', '10', 'a', 'b']
    """
    return (int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 1 << 64, text)
