"""Recognises the idioms in a graph: the nodes must be those that the idiom's function returns.

The names of the nodes say which idiom it is meant to be, and some constants and shapes say with
which sizes. Everything else is then compared, node for node.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from seqrt.contract.format2 import MOST_DILATION
from seqrt.contract.idioms.context import MOST_CONTEXT, taps, windows
from seqrt.contract.idioms.dilated import interleaved, phases
from seqrt.contract.idioms.fixed_node import (
    TIME,
    Constant,
    FixedNode,
    Idiom,
    Shape,
    dilation_of,
)
from seqrt.contract.idioms.lengths import count, inside, steps
from seqrt.contract.idioms.one_step import step_from_end, step_from_start
from seqrt.contract.idioms.over_time import (
    MOST_PRODUCTS,
    attend,
    masked,
    reversed_steps,
    scores,
    time_softmax,
)
from seqrt.contract.idioms.pools import time_max, time_sum
from seqrt.contract.idioms.tokens import embedding, token_rows

# Those that continue from the state, or need not, so that a network with them can stream.
_STREAMED: Final = {"inside", "steps", "last", "embedding", "tokens", "masked", "phases"}

# The nodes of the idiom `phases` before those of its starts, and the nodes of each start.
_OF_THE_VALUE: Final = 20
_OF_A_START: Final = 4


class FoundGroup(NamedTuple):
    """The nodes of one idiom in a file, and the shapes and constants that they refer to."""

    number: int
    nodes: list[FixedNode]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, Constant]

    def read(self, node: int, place: int) -> str:
        """Return the name of an input."""
        return self.nodes[node].inputs[place]

    def width(self, name: str) -> int:
        """Return the size of the last axis of a value."""
        return int(self.shapes[name][-1])

    def integers(self, name: str) -> tuple[int, ...]:
        """Return a constant as int64 numbers."""
        data = self.constants[name].data
        return struct.unpack(f"<{len(data) // 8}q", data)


def idiom_of(name: str | None) -> tuple[str, int] | None:
    """Return the kind and the number that the name of a node says, None for any other node."""
    kind, _, rest = (name or "").partition(".")
    number = rest.partition(".")[0]
    if kind not in _KINDS or not number.isdecimal() or not number.isascii() or len(number) > 4:
        return None
    return kind, int(number)


def recognised(kind: str, found: FoundGroup) -> Idiom:
    """Return the idiom that the nodes are; raise ValueError if they differ from it anywhere."""
    try:
        wanted = _KINDS[kind](found)
    except (IndexError, KeyError, ValueError, TypeError, struct.error):
        raise ValueError(f"the nodes of {kind}.{found.number} are not those of the idiom") from None
    if found.nodes != wanted.nodes:
        raise ValueError(f"the nodes of {kind}.{found.number} are not those of the idiom")
    for name, constant in wanted.constants.items():
        if found.constants.get(name) != constant:
            raise ValueError(f"the constant {name!r:.60} is not that of {kind}.{found.number}")
    return wanted


def streams(kind: str, idiom: Idiom) -> bool:
    """Return whether a network that streams may have this idiom."""
    whole = kind == "masked" and any(
        TIME not in shape for _, shape in list(idiom.reads.values())[:1]
    )
    return bool(idiom.carried) or (kind in _STREAMED and not whole)


def _last(f: FoundGroup) -> Idiom:
    value = f.read(0, 0)
    (back,) = f.integers(f.read(2, 1))
    return step_from_end(f.number, value, f.width(value), back)


def _first(f: FoundGroup) -> Idiom:
    value = f.read(0, 0)
    (at,) = f.integers(f.read(0, 1))
    if not at >= 0:
        raise ValueError(at)
    return step_from_start(f.number, value, f.width(value), at)


def _sum(f: FoundGroup) -> Idiom:
    start, value = f.nodes[0].inputs if f.nodes[0].operator == "Concat" else ("", f.read(0, 0))
    return time_sum(f.number, value, f.width(value), start)


def _max(f: FoundGroup) -> Idiom:
    value, start = f.read(0, 1), f.read(2, 0) if f.nodes[2:] else ""
    smallest = f.nodes[0].output.startswith("min.")
    return time_max(f.number, value, f.width(value), start, smallest=smallest)


def _masked(f: FoundGroup) -> Idiom:
    value = f.read(0, 1)
    (fill,) = struct.unpack("<f", f.constants[f.read(0, 2)].data)
    over_time = f.shapes[value][0] == TIME
    return masked(f.number, value, f.width(value), fill, over_time=over_time)


def _softmax(f: FoundGroup) -> Idiom:
    return time_softmax(f.number, f.read(0, 1), f.width(f.read(0, 1)))


def _scores(f: FoundGroup) -> Idiom:
    value, query = f.read(0, 0), f.read(1, 1)
    _check_products(f.width(value), f.width(query))
    return scores(f.number, value, f.width(value), query, f.width(query))


def _attend(f: FoundGroup) -> Idiom:
    weights, value = f.read(0, 1), f.read(1, 1)
    _check_products(f.width(weights), f.width(value))
    return attend(f.number, weights, f.width(weights), value, f.width(value))


def _check_products(width: int, queries: int) -> None:
    if width * queries > MOST_PRODUCTS:
        raise ValueError(width)


def _reversed(f: FoundGroup) -> Idiom:
    return reversed_steps(f.number, f.read(1, 0), f.width(f.read(1, 0)))


def _taps(f: FoundGroup) -> Idiom:
    kernel, first = sum(node.operator == "Slice" for node in f.nodes), f.nodes[0].operator
    ahead, start = 0, ""
    if first == "Reshape":
        start, value = f.read(0, 0), f.read(2, 1)
        _, context, _ = f.integers(f.read(0, 1))
        if len(f.integers(f.read(6, 1))) != context:
            raise ValueError(context)
    else:
        value, pads = f.read(0, int(first == "Where")), f.read(int(first == "Where"), 1)
        before, _, _, ahead, _, _ = f.integers(pads)
        context = before + ahead
    dilation, width = context // (kernel - 1 or context + 1), f.width(value)
    if not 0 <= ahead <= context or dilation < 1 or context * width > MOST_CONTEXT:
        raise ValueError(context)
    return taps(f.number, value, width, kernel, dilation, ahead=ahead, start=start)


def _windows(f: FoundGroup) -> Idiom:
    start, value = "", f.read(0, 0)
    if f.nodes[0].operator == "Reshape":
        start, value = value, f.read(2, 1)
        context = f.integers(f.read(0, 1))[1]
        if len(f.integers(f.read(6, 1))) != context:
            raise ValueError(context)
    else:
        context = f.integers(f.read(0, 1))[0]
    if not 0 < context * f.width(value) <= MOST_CONTEXT:
        raise ValueError(context)
    return windows(f.number, value, f.width(value), context + 1, start)


def _phases(f: FoundGroup) -> Idiom:
    (dilation,), value = f.integers(f.read(3, 1)), f.read(9, 0)
    rest = f.nodes[_OF_THE_VALUE:]
    starts = tuple(node.inputs[0] for node in rest[::_OF_A_START])
    units = f.integers(rest[0].inputs[1])[2] if rest else 0
    _check_dilation(dilation, units)
    return phases(f.number, value, f.width(value), dilation, starts, units)


def _interleaved(f: FoundGroup) -> Idiom:
    value = f.read(4, 0)
    dilation, units = dilation_of(f.shapes[value][0]), f.width(value)
    ends = tuple(node.inputs[0] for node in f.nodes if "last" in node.output)
    _check_dilation(dilation, units)
    return interleaved(f.number, value, units, dilation, ends)


def _check_dilation(dilation: int, units: int) -> None:
    if not (1 < dilation <= MOST_DILATION and dilation * units <= MOST_CONTEXT):
        raise ValueError(dilation)


def _embedding(f: FoundGroup) -> Idiom:
    rows, width = f.shapes[f.read(1, 0)]
    return embedding(f.number, f.read(1, 0), int(rows), int(width))


def _tokens(f: FoundGroup) -> Idiom:
    rows, width = f.shapes[f.read(5, 0)]
    return token_rows(f.read(5, 0), int(rows), int(width))


_KINDS: Final[dict[str, Callable[[FoundGroup], Idiom]]] = {
    "inside": lambda _: inside(),
    "count": lambda _: count(),
    "steps": lambda found: steps(found.read(0, 0)),
    "last": _last,
    "first": _first,
    "sum": _sum,
    "max": _max,
    "min": _max,
    "masked": _masked,
    "softmax": _softmax,
    "scores": _scores,
    "attend": _attend,
    "reversed": _reversed,
    "taps": _taps,
    "windows": _windows,
    "phases": _phases,
    "interleaved": _interleaved,
    "embedding": _embedding,
    "tokens": _tokens,
}
