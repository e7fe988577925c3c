"""Decides where each buffer is: in the state, in y, or somewhere in a workspace on the stack."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from seqrt.export.to_c.operations import Operation, StepResult, avoids
from seqrt.export.to_c.places import Buffer, Buffers, Places, runs


@dataclass
class Placement:
    """Where each work buffer is: "state", "y" or "work", and the offset there; and the sizes."""

    where: dict[int, tuple[str, int]] = field(default_factory=dict)
    workspace: int = 0


def place_buffers(memory: Buffers, operations: list[Operation], result: StepResult) -> Placement:
    """Return where each buffer goes.

    What becomes a part of the next state is computed right there, unless something that comes later
    reads the part that it replaces. What becomes y is computed in y.
    """
    layout = Placement()
    for number, operation in enumerate(operations):
        for buffer in operation.writes:
            offset = _offset(result.state, buffer)
            if offset is not None and _replaces(memory, operations, number, buffer, offset, result):
                layout.where[buffer.number] = "state", offset
            elif _offset(result.y, buffer) == 0 and len(result.y) == buffer.size:
                layout.where[buffer.number] = "y", 0
    _fill_workspace(memory, operations, result, layout)
    return layout


def _offset(places: Places, buffer: Buffer) -> int | None:
    """Return where in `places` the whole buffer is, if it is."""
    found = np.flatnonzero(places == buffer.first)
    if not len(found):
        return None
    offset = int(found[0])
    part = places[offset : offset + buffer.size]
    same = len(part) == buffer.size and bool((part == buffer.places).all())
    return offset if same else None


def _replaces(
    memory: Buffers,
    operations: list[Operation],
    number: int,
    buffer: Buffer,
    offset: int,
    result: StepResult,
) -> bool:
    """Return whether a buffer may be written over the state from `offset` on."""
    state = next(each for each in memory.buffers if each.kind == "state")
    first = state.first + offset
    later = [read for operation in operations[number + 1 :] for read in operation.reads]
    later += [result.y, result.state]
    return avoids(later, first, buffer.size) and operations[number].fits(buffer, first)


def _fill_workspace(
    memory: Buffers, operations: list[Operation], result: StepResult, layout: Placement
) -> None:
    """Give every other buffer a part of the workspace that no other uses at the same time."""
    ends: dict[int, int] = {}
    for number, operation in enumerate(operations):
        used = operation.writes + [b for p in operation.reads for b in memory.buffers_of(p)]
        ends |= {buffer.number: number for buffer in used}
    for places in (result.state, result.y):
        ends |= {b.number: len(operations) for b in memory.buffers_of(places)}
    active: list[tuple[int, int, int]] = []  # offset, size, last operation
    for number, operation in enumerate(operations):
        active = [each for each in active if each[2] >= number]
        for buffer in operation.writes:
            if buffer.number in layout.where:
                continue
            offset = _gap(active, buffer.size)
            active.append((offset, buffer.size, ends[buffer.number]))
            layout.where[buffer.number] = "work", offset
            layout.workspace = max(layout.workspace, offset + buffer.size)


def _gap(active: list[tuple[int, int, int]], size: int) -> int:
    """Return the first offset with `size` free numbers, a multiple of 4."""
    offset = 0
    for start, taken, _ in sorted(active):
        if offset + size <= start:
            break
        offset = max(offset, -(-(start + taken) // 4) * 4)
    return offset


def state_copies(
    memory: Buffers, layout: Placement, result: StepResult
) -> tuple[list[tuple[int, int, int]], bool]:
    """Return what is left to copy into the state: (offset in the state, place, size).

    Those from inside the state come first, in an order in which none reads what another has
    written. If there is no such order, the second value is true: the state must be saved before.
    """
    inside, outside = [], []
    for offset, source, size in runs(result.state):
        buffer, at = memory.find(source)
        if layout.where.get(buffer.number) == ("state", offset - at):
            continue
        if buffer.kind == "state":
            if at != offset:
                inside.append((offset, source, size))
        else:
            outside.append((offset, source, size))
    ordered: list[tuple[int, int, int]] = []
    state = next(each for each in memory.buffers if each.kind == "state")
    while inside:
        free = [c for c in inside if not any(_written(c, o, state) for o in inside if o is not c)]
        if not free:
            return [*ordered, *inside, *outside], True
        ordered.append(free[0])
        inside.remove(free[0])
    return [*ordered, *outside], False


def _written(copy: tuple[int, int, int], other: tuple[int, int, int], state: Buffer) -> bool:
    """Return whether `copy` writes what `other` reads."""
    to, _, size = copy
    start = other[1] - state.first
    return to < start + other[2] and start < to + size
