"""Products with constant matrices, without the zeros that stand in blocks.

A network of several folds is block-diagonal, and a grouped convolution is too: only the blocks are
written. Weights stand input-major, so that each input is added to all outputs at once, which
compilers vectorise without changing the order of any sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from seqrt.export.to_c.operations import Names, OneResult
from seqrt.export.to_c.places import Array, Buffer, Places
from seqrt.export.to_c.text import plus

# What starting one more block costs, in weights.
_COST: Final = 32


class Block(NamedTuple):
    """Weights (inputs, outputs) that are not all zero, and where they begin."""

    row: int
    column: int
    weights: Array

    @property
    def cost(self) -> int:
        """How many weights, and the cost of a block."""
        return self.weights.size + _COST


def blocks_of(matrix: Array, column: int = 0) -> list[Block]:
    """Return the blocks of a matrix (inputs, outputs); `column` is where its outputs begin."""
    used = matrix != 0
    found: list[tuple[int, int, int, int]] = []  # rows from, to, columns from, to
    for row in np.flatnonzero(used.any(axis=1)):
        columns = np.flatnonzero(used[row])
        found.append((int(row), int(row) + 1, int(columns[0]), int(columns[-1]) + 1))
        while len(found) > 1 and _cheaper(found[-2], found[-1]):
            found[-2:] = [_joined(*found[-2:])]
    return [Block(a, column + c, matrix[a:b, c:d]) for a, b, c, d in found]


def _joined(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, int, int, int]:
    return a[0], b[1], min(a[2], b[2]), max(a[3], b[3])


def _cheaper(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Return whether two blocks cost less as one."""
    return _size(_joined(a, b)) <= _size(a) + _size(b) + _COST


def _size(a: tuple[int, ...]) -> int:
    return (a[1] - a[0]) * (a[3] - a[2])


def add_code(names: Names, z: str, x: str, blocks: list[Block], name: str) -> list[str]:
    """Return the C that adds the products of x with the blocks to z."""
    lines = []
    for (inputs, outputs, down, right), group in _regular(blocks):
        packed = np.stack([block.weights for block in group])
        routine, w = names.weights(packed, name, "add")
        row, column, size = group[0].row, group[0].column, f"{inputs}, {outputs}"
        if len(group) == 1:
            lines.append(f"{routine}({plus(z, column)}, {w}, {plus(x, row)}, {size});")
            continue
        places = [(plus(z, column), right), (w, inputs * outputs), (plus(x, row), down)]
        parts = ", ".join(f"{start} + k * {step}" if step else start for start, step in places)
        lines.append(f"for (k = 0; k < {len(group)}; k++) {routine}({parts}, {size});")
    return lines


def _regular(blocks: list[Block]) -> list[tuple[tuple[int, int, int, int], list[Block]]]:
    """Group blocks of one size at equal distances: (inputs, outputs, rows down, columns right)."""
    steps = [(b.row - a.row, b.column - a.column) for a, b in pairwise(blocks)]
    found: list[tuple[tuple[int, int, int, int], list[Block]]] = []
    at = 0
    while at < len(blocks):
        step, end = (*steps[at:], (0, 0))[0], at + 1
        shape = blocks[at].weights.shape
        while end < len(blocks) and blocks[end].weights.shape == shape and steps[end - 1] == step:
            end += 1
        found.append(((*shape, *step), blocks[at:end]))
        at = end
    return found


@dataclass(eq=False)
class Product(OneResult):
    """Rows of x times a constant matrix (inputs, outputs), plus a constant if there is one."""

    out: Buffer
    x: Places
    matrix: Array
    name: str
    bias: Array | None = None
    label: str = ""

    @property
    def reads(self) -> list[Places]:
        """The rows, one after the other."""
        return [self.x]

    def code(self, names: Names) -> list[str]:
        """Return the sums, row by row."""
        inputs, outputs = self.matrix.shape
        z, x, rows = names.at(self.out.first), names.at(int(self.x[0])), len(self.x) // inputs
        lines = [begun(names, z, self.bias, rows * outputs, f"{self.name}_bias")]
        if rows > 1:
            z, x = f"{z} + i * {outputs}", f"{x} + i * {inputs}"
        adding = add_code(names, z, x, blocks_of(self.matrix), self.name)
        if rows > 1:
            adding = [f"for (i = 0; i < {rows}; i++) {{", *(f"    {a}" for a in adding), "}"]
        return lines + adding


def begun(names: Names, z: str, bias: Array | None, size: int, name: str) -> str:
    """Return the C that sets z to a constant, or to zeros."""
    if bias is None or not bias.any():
        return f"memset({z}, 0, {size} * sizeof(float));"
    return f"memcpy({z}, {names.array(bias, name)}, {size} * sizeof(float));"


def equal_parts(matrices: Array, least: int = 4) -> int:
    """Return into how many equal blocks along the diagonal matrices (G, H, H) fall, all alike.

    Blocks have at least `least` rows.
    """
    used = (matrices != 0).any(axis=0)
    size = len(used)
    rows, columns = np.nonzero(used | used.T)
    reach = np.arange(size)
    np.maximum.at(reach, rows, columns)
    ends = np.flatnonzero(np.maximum.accumulate(reach) == np.arange(size)) + 1
    if not used.any():
        return 1
    cuts = set(map(int, ends))
    for parts in range(size // least, 1, -1):
        if size % parts == 0 and cuts.issuperset(range(size // parts, size + 1, size // parts)):
            return parts
    return 1
