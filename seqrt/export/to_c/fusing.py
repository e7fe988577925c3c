"""Joins operations that follow each other, so that a step in C has fewer loops and copies."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from seqrt.export.to_c.operations import Copy, Leaf, Map, Operation, StepResult, Term
from seqrt.export.to_c.places import Array, Buffers, Places
from seqrt.export.to_c.products import Product

_SUM: Final = "{0} + {1}"
# The most numbers that one expression reads.
_LONGEST: Final = 6


def fuse(memory: Buffers, operations: list[Operation], result: StepResult) -> list[Operation]:
    """Return the operations that are left once all that can be joined is joined."""
    readers = _readers(memory, operations, result)
    made: dict[int, Operation] = {}
    kept: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Map):
            before = _take_in(memory, operation, made, readers)
            kept = [each for each in kept if each not in before]
            product = _product_of(memory, operation, made, readers)
            if product:
                made[operation.out.number] = product
                continue
        kept.append(operation)
        made |= {buffer.number: operation for buffer in operation.writes}
    return _settled(memory, _without_unread(memory, kept, result))


def _readers(memory: Buffers, operations: list[Operation], result: StepResult) -> Counter[int]:
    """Count how often each buffer is read."""
    read = [places for operation in operations for places in operation.reads]
    read += [result.state, result.y]
    return Counter(buffer.number for places in read for buffer in memory.buffers_of(places))


def _take_in(
    memory: Buffers, last: Map, made: dict[int, Operation], readers: Counter[int]
) -> list[Operation]:
    """Put the expressions that only `last` reads into its own; return their operations."""
    taken: list[Operation] = []
    for leaf in list(last.term.leaves()):
        first = _whole(memory, leaf.places, made, readers)
        if isinstance(first, Map) and len(last.reads) + len(first.reads) <= _LONGEST + 1:
            last.term = last.term.replaced(leaf, first.term)
            taken.append(first)
    return taken


def _whole(
    memory: Buffers, places: Places, made: dict[int, Operation], readers: Counter[int]
) -> Operation | None:
    """Return the operation whose whole result the places are, if nothing else reads it."""
    buffer, _ = memory.find(int(places[0]))
    same = len(places) == buffer.size and bool((places == buffer.places).all())
    return made.get(buffer.number) if same and readers[buffer.number] == 1 else None


def _product_of(
    memory: Buffers, sums: Map, made: dict[int, Operation], readers: Counter[int]
) -> Product | None:
    """Return the product that begins with what `sums` adds to it, if it adds a constant."""
    if sums.term.template != _SUM:
        return None
    for leaf, other in (sums.term.arguments, sums.term.arguments[::-1]):
        if not isinstance(leaf, Leaf) or not isinstance(other, Leaf):
            continue
        product, bias = _whole(memory, leaf.places, made, readers), _known(memory, other.places)
        if isinstance(product, Product) and product.bias is None and bias is not None:
            product.bias, product.out = bias, sums.out
            return product
    return None


def _known(memory: Buffers, places: Places) -> Array | None:
    """Return the numbers at places in one constant."""
    (buffer, *others) = memory.buffers_of(places)
    if others or buffer.values is None:
        return None
    return np.asarray(buffer.values[places - buffer.first])


def _without_unread(
    memory: Buffers, operations: list[Operation], result: StepResult
) -> list[Operation]:
    """Return the operations whose results are read."""
    read = {b.number for p in (result.state, result.y) for b in memory.buffers_of(p)}
    kept: list[Operation] = []
    for operation in reversed(operations):
        if read & {buffer.number for buffer in operation.writes}:
            kept.insert(0, operation)
            read |= {b.number for places in operation.reads for b in memory.buffers_of(places)}
    return kept


def _settled(memory: Buffers, operations: list[Operation]) -> list[Operation]:
    """Copy beforehand what expressions read from places that no loop counter can name."""
    settled: list[Operation] = []
    copies: dict[bytes, Leaf] = {}
    for operation in operations:
        if isinstance(operation, Copy):
            copies[operation.source.tobytes()] = Leaf(operation.out.places)
        elif isinstance(operation, Map) and operation.loops() is None:
            for leaf in list(operation.term.leaves()):
                loops = Map(operation.out, Term("{0}", (leaf,))).loops()
                if loops is not None and len(loops.sizes) < 2:
                    continue
                key = leaf.places.tobytes()
                if key not in copies:
                    out = memory.buffer("work", len(leaf.places))
                    settled.append(Copy(out, leaf.places, operation.label))
                    copies[key] = Leaf(out.places)
                operation.term = operation.term.replaced(leaf, Term("{0}", (copies[key],)))
        settled.append(operation)
    return settled
