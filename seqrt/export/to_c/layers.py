"""One step of a recurrent layer in C, or a fixed number of steps for a decoder.

The sums of all gates stand in one array, a: for each of K blocks, one slot of U units for each
gate. A network has K > 1 blocks if it is several networks side by side, as folds are.

    rnn     a                           h = f(a)
    lstm    i, o, f, g (write, show, keep, new)
    gru     n, z, r, m (new, keep, look back, the recurrent part of new)
    gru     n, z, where r comes first or has nothing to look at (minGRU)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from seqrt.contract.manifest import Cell
from seqrt.export.to_c.operations import Names, avoids, copied
from seqrt.export.to_c.places import Array, Buffer, Places
from seqrt.export.to_c.products import Block, add_code, begun, blocks_of, equal_parts

_Z, _R, _N = 0, 1, 2  # ONNX's order of the gates of a GRU
_SLOTS: Final = {"rnn": 1, "lstm": 4}


@dataclass(eq=False)
class Direction:
    """The weights of one direction: W (G, H, D), R (G, H, H), the biases of both (G, H)."""

    w: Array
    r: Array
    b_x: Array
    b_h: Array
    reverse: bool


@dataclass(eq=False)
class LayerStep:
    """A recurrent layer.

    x has `steps` rows. `starts` and `ends` are h, and c for an LSTM, of all directions; a start is
    None if it is zero. `every` has h of every step, unless there is only one. `activations` are the
    C names of the functions of the gates and of the rest.
    """

    cell: Cell
    name: str
    directions: list[Direction]
    x: Places
    steps: int
    starts: list[Places | None]
    ends: list[Buffer]
    every: Buffer | None
    scratch: Buffer
    activations: tuple[str, str]
    reset_after: bool = True
    label: str = ""
    scratch_of_r: Buffer | None = None

    @property
    def reads(self) -> list[Places]:
        """The rows of x, and the first states."""
        return [self.x, *(start for start in self.starts if start is not None)]

    @property
    def writes(self) -> list[Buffer]:
        """The last states, the steps, and scratch."""
        return [each for each in (*self.ends, self.every, self.scratch, self.scratch_of_r) if each]

    def fits(self, buffer: Buffer, place: int) -> bool:
        """Return whether `buffer` is the end of the start that is there, and nothing else is."""
        if buffer not in self.ends:
            return avoids(self.reads, place, buffer.size)
        own = self.starts[self.ends.index(buffer)]
        others = [read for read in self.reads if read is not own]
        if not avoids(others, place, buffer.size):
            return False
        if own is None or avoids([own], place, buffer.size):
            return True
        return bool((own == place + np.arange(buffer.size)).all())

    def code(self, names: Names) -> list[str]:
        """Return the lines for all directions and steps."""
        lines = []
        for number, direction in enumerate(self.directions):
            units = direction.r.shape[1]
            ends = [names.at(end.first + number * units) for end in self.ends]
            for end, start in zip(ends, self.starts, strict=True):
                lines += self._begin(names, end, start, number * units, units)
            lines += self._all_steps(names, direction, number, ends)
        return lines

    def _begin(
        self, names: Names, end: str, start: Places | None, offset: int, units: int
    ) -> list[str]:
        if start is None:
            return [f"memset({end}, 0, {units} * sizeof(float));"]
        source = names.at(int(start[offset]))
        return [] if source == end else [copied(end, source, units)]

    def _all_steps(
        self, names: Names, direction: Direction, number: int, ends: list[str]
    ) -> list[str]:
        width, units = direction.w.shape[2], direction.r.shape[1]
        x, name = names.at(int(self.x[0])), self.name
        if len(self.directions) > 1:
            name = f"{name}_{'back' if direction.reverse else 'forth'}"
        if self.every is None:
            return self._step(names, direction, name, x, ends)
        out, stride = names.at(self.every.first), len(self.directions) * units
        lines = self._step(names, direction, name, f"{x} + t * {width}", ends)
        to = f"{out} + t * {stride}" + (f" + {number * units}" if number else "")
        order = f"t = 0; t < {self.steps}; t++"
        if direction.reverse:
            order = f"t = {self.steps - 1}; t >= 0; t--"
        inner = [*lines, copied(to, ends[0], units)]
        return [f"for ({order}) {{", *(f"    {line}" for line in inner), "}"]

    def _step(
        self, names: Names, direction: Direction, name: str, x: str, ends: list[str]
    ) -> list[str]:
        gates = _Gates(self.cell, direction, reset_after=self.reset_after)
        a, h = names.at(self.scratch.first), ends[0]
        bias = gates.bias()
        lines = [begun(names, a, bias, bias.size, f"{name}_b")]
        lines += add_code(names, a, x, gates.of_x(), f"{name}_w")
        lines += add_code(names, a, h, gates.of_h(), f"{name}_r")
        gate, inner = self.activations
        if self.scratch_of_r and gates.looks_back_first:
            looked = names.at(self.scratch_of_r.first)
            lines.append(gates.loop(f"look_{gate}", [(looked, 1), (a, gates.slots), (h, 1)]))
            lines += add_code(names, a, looked, gates.of_looked(), f"{name}_n")
        functions = inner if self.cell == "rnn" else f"{gate}_{inner}"
        routine = "blend" if self.cell == "gru" and gates.slots < 4 else self.cell
        states = [(end, 1) for end in ends]
        lines.append(gates.loop(f"{routine}_{functions}", [*states, (a, gates.slots)]))
        return lines


class _Gates:
    """The weights of one direction as sums of slots, block by block."""

    def __init__(self, cell: Cell, direction: Direction, *, reset_after: bool) -> None:
        self.cell, self.d = cell, direction
        units = direction.r.shape[1]
        self.parts = equal_parts(direction.r)
        self.units = units // self.parts
        looks = cell == "gru" and bool(direction.r[_N].any() or direction.b_h[_N].any())
        self.looks_back_first = looks and not reset_after
        self.slots = _SLOTS.get(cell, 4 if looks and reset_after else 3 if looks else 2)

    def of_x(self) -> list[Block]:
        """Return the blocks that x is multiplied with."""
        order = {2: (_N, _Z)}.get(self.slots, (_N, _Z, _R)) if self.cell == "gru" else ()
        return self._blocks(self.d.w[list(order)] if order else self.d.w, 0)

    def of_h(self) -> list[Block]:
        """Return the blocks that h is multiplied with."""
        r = self.d.r
        if self.cell != "gru":
            return self._blocks(r, 0)
        after = self.slots == 4
        return self._blocks(r[[_Z, _R, _N] if after else [_Z, _R][: self.slots - 1]], 1)

    def of_looked(self) -> list[Block]:
        """Return the blocks that r h is multiplied with."""
        return self._blocks(self.d.r[[_N]], 0)

    def bias(self) -> Array:
        """Return what the sums begin with, (K, slots, U)."""
        b_x, b_h = self.d.b_x.astype(np.float64), self.d.b_h.astype(np.float64)
        slots = b_x + b_h
        if self.cell == "gru":
            n = b_x[_N] if self.slots == 4 else slots[_N]
            slots = np.stack([n, slots[_Z], slots[_R], b_h[_N]][: self.slots])
        parted = slots.reshape(len(slots), self.parts, self.units)
        return parted.transpose(1, 0, 2).astype(np.float32)

    def loop(self, routine: str, pointers: list[tuple[str, int]]) -> str:
        """Return the call of a routine for each block; pointers have so many slots a block."""
        u = self.units
        if self.parts == 1:
            return f"seqrt_{routine}({', '.join(p for p, _ in pointers)}, {u});"
        each = ", ".join(f"{p} + k * {n * u}" for p, n in pointers)
        return f"for (k = 0; k < {self.parts}; k++) seqrt_{routine}({each}, {u});"

    def _blocks(self, matrices: Array, first: int) -> list[Block]:
        """Return the blocks of matrices (G, H, D), whose slots begin with number `first`."""
        gates, _, width = matrices.shape
        parted = matrices.reshape(gates, self.parts, self.units, width)
        found: list[Block] = []
        for part in range(self.parts):
            matrix = parted[:, part].reshape(gates * self.units, width).T
            found += blocks_of(matrix, (part * self.slots + first) * self.units)
        return found
