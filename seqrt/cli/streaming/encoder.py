"""Encodes the cells of steps as the features of a model: many lines at once where many arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqrt.cli.streaming.lines import Record
from seqrt.errors import InputError

if TYPE_CHECKING:
    from seqrt.contract import Input, Manifest


@dataclass(frozen=True)
class StepEncoder:
    """The inputs of a model, each from the cells of one step.

    A value that is known ahead is in a column called after its feature, such as promo+1.
    """

    manifest: Manifest

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that a step needs, in the order of the model's features."""
        return tuple(dict.fromkeys(each.source for each in self._inputs))

    @property
    def plain(self) -> bool:
        """Whether all columns are numbers which the model reads as they are."""
        return all(each.kind == "number" and not each.offset for each in self._inputs)

    def encoded(self, batch: Sequence[Record]) -> Iterator[Record]:
        """Yield the records of a batch with their features as x.

        Raises InputError that names the line of the first cell that is not a value of its column,
        after the records before it.
        """
        if not batch:
            return
        try:
            x = self._features(batch)
        except InputError:
            if len(batch) == 1:
                raise
            for record in batch:  # what is read as a number, a date or text depends on the others
                yield from self.encoded([record])
            return
        for record, features in zip(batch, x, strict=True):
            yield record._replace(x=features)

    def _features(self, batch: Sequence[Record]) -> Any:
        """Return the features (n, D) of some steps."""
        cells = _cells(self.sources, batch)
        return self._encoded(self._inputs, cells, batch, missing=self.manifest.takes_missing)

    def _encoded(
        self, inputs: Sequence[Input], cells: Any, batch: Sequence[Record], *, missing: bool
    ) -> Any:
        """Return what some inputs make of the cells of steps."""
        import numpy as np

        from seqrt.encoding.clock import wall_times
        from seqrt.encoding.encoder import encode
        from seqrt.numbers import checked_cast

        inputs = [replace(each, column=each.source, ahead=0) for each in inputs]
        time = self.manifest.time
        calendar = any(each.kind == "calendar" for each in inputs)
        wall = wall_times(cells, time) if calendar and time else None
        x = encode(inputs, cells, wall, missing=missing)
        return checked_cast(f"stdin, line {batch[0].line}", x, np.float32)

    @property
    def _inputs(self) -> Any:
        from seqrt.contract.columns import inputs_of

        names = [column.name for column in self.manifest.features]
        return inputs_of(self.manifest.inputs, names)


@dataclass(frozen=True)
class WideStepEncoder(StepEncoder):
    """The inputs of a model of wide columns: for each step the features (K, D) of K targets.

    The value of a target may be missing, whatever the policy: its series may not have begun.
    """

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that a step needs: the wide ones in the place of their values."""
        target, wide = self.manifest.targets[0], self.manifest.wide
        each = ((wide if name == target else (name,)) for name in super().sources)
        return tuple(name for names in each for name in names)

    @property
    def plain(self) -> bool:
        """Whether all columns are numbers which the model reads as they are: never."""
        return False

    def _features(self, batch: Sequence[Record]) -> Any:
        """Return the features (n, K, D) of some steps."""
        import numpy as np

        m, target = self.manifest, self.manifest.targets[0]
        own = next(each for each in self._inputs if each.source == target)
        names = [name for each in self._inputs for name in each.names]
        at = names.index(target)
        cells, missing = _cells(self.sources, batch), m.takes_missing
        x = np.empty((len(batch), len(m.wide), len(names)), np.float32)
        others = [each for each in self._inputs if each.source != target]
        values = [replace(own, column=name) for name in m.wide]
        x[:, :, at] = self._encoded(values, cells, batch, missing=True)
        if others:
            rest = self._encoded(others, cells, batch, missing=missing)
            x[:, :, [i for i in range(len(names)) if i != at]] = rest[:, None]
        return x


def _cells(sources: Sequence[str], batch: Sequence[Record]) -> Any:
    """Return the cells of some steps as columns, in which an error names the line."""
    from seqrt.encoding.given import GivenColumns, column_of

    class Lines(GivenColumns):
        def cell_place(self, name: str, row: int) -> str:
            return f"stdin, line {batch[row].line}, column {name!r}"

    columns = {
        name: column_of(
            [record.x[place] for record in batch], f"stdin, line {batch[0].line}, column {name!r}"
        )
        for place, name in enumerate(sources)
    }
    return Lines(columns, len(batch))
