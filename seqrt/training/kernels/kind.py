"""The cells that seqrt trains; a file has no name of its own for one of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from seqrt.contract.manifest import Cell, Nonlinearity

TrainedCell = Literal["rnn", "lstm", "gru", "mingru"]


class CellKind(NamedTuple):
    """A cell, and the nonlinearity of the rnn cell; the others always use tanh there."""

    cell: TrainedCell
    nonlinearity: Nonlinearity = "tanh"

    @property
    def in_file(self) -> Cell:
        """The cell as which a file holds it: a mingru is a gru without recurrent weights."""
        return "gru" if self.cell == "mingru" else self.cell
