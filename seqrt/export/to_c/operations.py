"""What a step computes, operation by operation, and the C of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np

from seqrt.export.to_c.loops import Loops, find_loops
from seqrt.export.to_c.places import Array, Buffer, Places, in_one_buffer, is_run, runs

_CALL: Final = re.compile(r"\w+\(")


class Names(Protocol):
    """Gives the C names of places and constants, once it is settled where each buffer is."""

    def at(self, place: int) -> str:
        """Return a pointer to a place."""
        ...

    def item(self, place: int, *counted: str) -> str:
        """Return the number at a place, plus what the loop counters add."""
        ...

    def array(self, values: Array, name: str) -> str:
        """Return the name of a constant array with these values."""
        ...

    def weights(self, values: Array, name: str, routine: str) -> tuple[str, str]:
        """Return the routine for weights as they are stored, and the name of their array."""
        ...


class Operation(Protocol):
    """One operation: it reads places and writes buffers of its own.

    `label` is for the comment in C. `scratch` are buffers that only the operation itself uses.
    """

    label: str

    @property
    def reads(self) -> list[Places]:
        """The places that it reads."""
        ...

    @property
    def writes(self) -> list[Buffer]:
        """The buffers that it writes, scratch included."""
        ...

    def fits(self, buffer: Buffer, place: int) -> bool:
        """Return whether `buffer`, which it writes, may be the memory from `place` on."""
        ...

    def code(self, names: Names) -> list[str]:
        """Return the lines of C."""
        ...


def avoids(reads: list[Places], place: int, size: int) -> bool:
    """Return whether no read touches the `size` places from `place` on."""
    return not any(((read >= place) & (read < place + size)).any() for read in reads)


class OneResult:
    """What operations share that write one buffer, `out`, and nothing of what they read."""

    out: Buffer

    @property
    def reads(self) -> list[Places]:
        """The places that it reads."""
        raise NotImplementedError

    @property
    def writes(self) -> list[Buffer]:
        """The result."""
        return [self.out]

    def fits(self, buffer: Buffer, place: int) -> bool:
        """Return whether it reads nothing there."""
        return avoids(self.reads, place, buffer.size)


@dataclass(eq=False)
class Leaf:
    """The numbers that an expression reads, one for each number of its result."""

    places: Places


class Term(NamedTuple):
    """An expression in C with {0}, {1}, ... for its arguments, each of them once."""

    template: str
    arguments: tuple[Term | Leaf | str, ...]

    def leaves(self) -> Iterator[Leaf]:
        """Yield the leaves, in the order in which `render` takes their C."""
        for each in self.arguments:
            if isinstance(each, Leaf):
                yield each
            elif isinstance(each, Term):
                yield from each.leaves()

    def render(self, leaves: Iterator[str]) -> str:
        """Return the C of the expression, with the C of its leaves."""
        parts = []
        for each in self.arguments:
            if isinstance(each, Leaf):
                parts.append(next(leaves))
                continue
            text = each.render(leaves) if isinstance(each, Term) else each
            one_thing = (
                not isinstance(each, Term) or _CALL.match(each.template) or each.template == "{0}"
            )
            one_thing = one_thing and not text.startswith("-")
            parts.append(text if one_thing or _CALL.match(self.template) else f"({text})")
        return self.template.format(*parts)

    def replaced(self, old: Leaf, new: Term) -> Term:
        """Return the expression with another in place of one leaf."""
        parts = [
            new if each is old else each.replaced(old, new) if isinstance(each, Term) else each
            for each in self.arguments
        ]
        return Term(self.template, tuple(parts))


@dataclass(eq=False)
class Map:
    """An expression for each number of `out`."""

    out: Buffer
    term: Term
    label: str = ""

    @property
    def reads(self) -> list[Places]:
        """The places of the leaves."""
        return [leaf.places for leaf in self.term.leaves()]

    @property
    def writes(self) -> list[Buffer]:
        """The result."""
        return [self.out]

    def loops(self) -> Loops | None:
        """Return the loops in which the expression runs, None if its leaves are not linear."""
        whole = all(map(in_one_buffer, self.reads))
        return find_loops([self.out.places, *self.reads]) if whole else None

    def fits(self, buffer: Buffer, place: int) -> bool:
        """Return whether each number there is read at most for the number that replaces it."""
        there = place + np.arange(buffer.size)
        return all(
            avoids([read], place, buffer.size) or bool((read == there).all()) for read in self.reads
        )

    def code(self, names: Names) -> list[str]:
        """Return the loops, or a single statement."""
        loops = self.loops()
        assert loops is not None
        items = iter(
            names.item(start, *_counted(loops, steps))
            for start, steps in zip(loops.starts, loops.steps, strict=True)
        )
        out = next(items)
        line = f"{out} = {self.term.render(items)};"
        for number in reversed(range(len(loops.sizes))):
            i = loops.counter(number)
            line = f"for ({i} = 0; {i} < {loops.sizes[number]}; {i}++) {{ {line} }}"
        return [line]


def _counted(loops: Loops, steps: tuple[int, ...]) -> list[str]:
    counters = [loops.counter(number) for number in range(len(steps))]
    found = zip(steps, counters, strict=True)
    return [i if step == 1 else f"{step} * {i}" for step, i in found if step]


@dataclass(eq=False)
class Copy(OneResult):
    """Puts numbers from anywhere one after the other."""

    out: Buffer
    source: Places
    label: str = ""

    @property
    def reads(self) -> list[Places]:
        """Where the numbers are."""
        return [self.source]

    def code(self, names: Names) -> list[str]:
        """Return loops if they are linear, and else a copy for each run."""
        moved = Map(self.out, Term("{0}", (Leaf(self.source),)))
        if not is_run(self.source) and moved.loops() is not None:
            return moved.code(names)
        return [
            copied(names.at(self.out.first + offset), names.at(place), size)
            for offset, place, size in runs(self.source)
        ]


def copied(to: str, source: str, size: int, routine: str = "memcpy") -> str:
    """Return the C that copies `size` numbers."""
    return f"{routine}({to}, {source}, {size} * sizeof(float));"


@dataclass(eq=False)
class RoutineCall(OneResult):
    """A call of a routine: the result first, then runs of places and other arguments."""

    routine: str
    out: Buffer
    arguments: tuple[Places | str, ...]
    label: str = ""

    @property
    def reads(self) -> list[Places]:
        """The runs among the arguments."""
        return [each for each in self.arguments if not isinstance(each, str)]

    def code(self, names: Names) -> list[str]:
        """Return the call."""
        parts = [
            each if isinstance(each, str) else names.at(int(each[0])) for each in self.arguments
        ]
        return [f"seqrt_{self.routine}({', '.join([names.at(self.out.first), *parts])});"]


@dataclass(eq=False)
class TableRow(OneResult):
    """Looks up the row of a table (rows, n) for the id of this step, by a routine."""

    routine: str
    out: Buffer
    table: Array
    label: str = ""

    @property
    def reads(self) -> list[Places]:
        """Nothing that a step writes."""
        return []

    def code(self, names: Names) -> list[str]:
        """Return the call."""
        routine, table = names.weights(self.table, self.label, self.routine)
        rows, n = self.table.shape
        return [f"{routine}({names.at(self.out.first)}, {table}, x[0], {rows}, {n});"]


@dataclass(eq=False)
class StepResult:
    """What a step leaves behind: the places of the next state and of the outputs."""

    state: Places
    y: Places
