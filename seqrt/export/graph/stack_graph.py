"""The graph of a stack under construction: its nodes, and the pieces of its state by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from seqrt.contract import STATE, STATE_OUT, Carry
from seqrt.contract.idioms import Idiom
from seqrt.contract.idioms.missing import KNOWN_START
from seqrt.export.graph.builder import GraphBuilder


class StackGraph(GraphBuilder):
    """A graph whose layers take the pieces of their state, (1, B, n), in the order of the manifest.

    `ends` are the next states, in the same order.
    """

    def __init__(self, pieces: Sequence[Carry]) -> None:
        """Begin with the nodes that split the state into `pieces`; none if it cannot stream."""
        super().__init__()
        self.streams = bool(pieces)
        self.ends: list[str] = []
        self._numbers: Counter[str] = Counter()
        self._once: set[str] = set()
        self._starts = iter(self._split_state(pieces))

    def start(self) -> str:
        """Return the next piece of the state; "" if the network cannot stream."""
        return next(self._starts) if self.streams else ""

    def number(self, kind: str) -> int:
        """Return how many idioms of a kind there are already, and count one more."""
        self._numbers[kind] += 1
        return self._numbers[kind] - 1

    def stateful(self, idiom: Idiom) -> str:
        """Append an idiom and keep what it carries; return the name of its output."""
        if idiom.carried:
            self.ends.append(idiom.carried)
        return self.idiom(idiom)

    def once(self, build: Callable[[], Idiom]) -> str:
        """Append an idiom that a graph has at most once, unless it has it; return its output."""
        idiom = build()
        if idiom.output not in self._once:
            self._once.add(idiom.output)
            self.idiom(idiom)
        return idiom.output

    def join_state(self) -> None:
        """Append the nodes that join the next states to state_out (B, S)."""
        ends = self.ends
        joined = ends[0] if len(ends) == 1 else self.add("Concat", ends, "state_joined", axis=2)
        self.add("Squeeze", [joined, self.axes(0)], STATE_OUT)

    def _split_state(self, pieces: Sequence[Carry]) -> list[str]:
        """Append the nodes that split the state into its pieces; return their names."""
        if not pieces:
            return []
        seen: Counter[str] = Counter()
        names = []
        for piece in pieces:
            name = f"{piece.what}{seen[piece.what]}_start"
            names.append(KNOWN_START if piece.what == "known" else name)
            seen[piece.what] += 1
        whole = self.add("Unsqueeze", [STATE, self.axes(0)], "state_rows")
        if len(names) == 1:
            return [whole]
        sizes = np.array([piece.size for piece in pieces], np.int64)
        split = self.constant("state_sizes", sizes)
        self.append("Split", [whole, split], names, axis=2)
        return names
