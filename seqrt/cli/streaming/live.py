"""The live streams behind `seqrt stream`: one, one for each key, or one for each wide column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.cli.streaming.lines import Record
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model


class LiveLines:
    """One stream, or one stream for each key."""

    def __init__(
        self, model: Model, adapt: float | None, alarm: float | None, *, keyed: bool
    ) -> None:
        self._many_from = partial(model.streams, adapt=adapt, alarm=alarm)
        try:
            self._one = None if keyed else model.stream(adapt=adapt, alarm=alarm)
            self._many = self._many_from()
        except UsageError as error:
            raise UsageError(f"--{error}") from None
        self._tokens = model.manifest.tokens > 0

    def push(self, batch: list[Record]) -> Iterator[tuple[Record, Any]]:
        """Yield each record of a batch with its prediction."""
        if self._one is not None:
            for record in batch:
                with naming_line(record):
                    y = self._one.push(self._step(record))
                yield record, y
        elif batch:
            with naming_line(batch[0]):
                steps = {record.key: self._step(record) for record in batch}
                predictions = self._many.push(steps)
            yield from zip(batch, predictions.values(), strict=True)

    def _step(self, record: Record) -> Any:
        """Return the values of a record as one step: D numbers, or a token id."""
        import numpy as np

        return np.float64(record.x[0]) if self._tokens else np.array(record.x, np.float32)

    def save(self) -> bytes:
        """Return the state of all streams."""
        return self._many.snapshot() if self._one is None else self._one.save()

    def restore(self, path: Path) -> None:
        """Continue from a file that holds what `save` returned."""
        from seqrt.data.readers.source import opened
        from seqrt.runtime.live.saved_state import is_snapshot, is_state

        same_kind = is_snapshot if self._one is None else is_state
        with opened(path) as file:
            saved = file.read()
        try:
            if self._one is None:
                self._many = self._many_from(saved)
            else:
                self._one.restore(saved)
        except InputError as error:
            code, _, what = str(error).partition(": ")
            hint = "" if same_kind(saved) else " Check whether it was saved with --key or without."
            raise InputError(f"{code}: {path}: {what}{hint}") from None


class WideLiveLines(LiveLines):
    """A stream for each wide column of a model, and for each key if there are keys.

    A stream begins with the first value of its column.
    """

    def __init__(
        self, model: Model, adapt: float | None, alarm: float | None, *, keyed: bool
    ) -> None:
        from seqrt.ahead.following import slots_of

        super().__init__(model, adapt, alarm, keyed=True)
        self._manifest, self._alarm, self._keyed = model.manifest, alarm, keyed
        (slot,) = slots_of(model.manifest, model.manifest.targets)
        self._place = slot.feature

    def push(self, batch: list[Record]) -> Iterator[tuple[Record, Any]]:
        """Yield each record of a batch with its predictions, side by side."""
        for records in [batch] if self._keyed else [[record] for record in batch]:
            usual = next((i for i, each in enumerate(records) if self._lacking(each)), None)
            yield from self._pushed(records[:usual])
            if usual is not None:
                raise self._refuse(records[usual])

    def _pushed(self, records: list[Record]) -> Iterator[tuple[Record, Any]]:
        """Advance the streams of some records together."""
        steps = {
            self._key(record, k): x
            for record in records
            for k, x in enumerate(record.x)
            if not self._is_before(record, k)
        }
        if records:
            with naming_line(records[0]):
                found = self._many.push(steps)
        for record in records:
            yield record, self._side_by_side([found.get(self._key(record, k)) for k in self._all])

    def _side_by_side(self, each: list[Any]) -> Any:
        """Return the predictions for all targets of a record, NaN for one that has not begun."""
        import numpy as np

        from seqrt.ahead.watch import JudgedRows, joined_p
        from seqrt.ahead.wide import outputs_of_targets

        alarms = self._alarm is not None
        y = np.full((len(each), len(self._manifest.outputs)), np.nan, np.float32)
        p = np.full((1, len(each)), np.nan)
        for k, found in enumerate(each):
            if found is not None:
                y[k] = found.y if alarms else found
                p[0, k] = found.p if alarms else np.nan
        wide = outputs_of_targets(self._manifest, y)
        if self._alarm is None:
            return wide
        rarest = float(joined_p(p)[0])
        return JudgedRows(wide, rarest, rarest < self._alarm)

    @property
    def _all(self) -> range:
        return range(len(self._manifest.wide))

    def _key(self, record: Record, k: int) -> str:
        return json.dumps([*record.keys, self._manifest.wide[k]])

    def _is_missing(self, record: Record, k: int) -> bool:
        return bool(record.x[k][self._place] != record.x[k][self._place])

    def _is_before(self, record: Record, k: int) -> bool:
        """Whether a column has had no value yet."""
        return self._is_missing(record, k) and self._key(record, k) not in self._many

    def _lacking(self, record: Record) -> list[str]:
        """Return the columns without a value, unless values may be missing."""
        if self._manifest.takes_missing:
            return []
        return [
            self._manifest.wide[k]
            for k in self._all
            if self._is_missing(record, k) and not self._is_before(record, k)
        ]

    def _refuse(self, record: Record) -> InputError:
        return InputError(
            f"E_INPUT_MISSING: stdin, line {record.line}, column {self._lacking(record)[0]!r}: a"
            " cell must have a value, but this one is missing, and the model has no policy for"
            " missing values. Fill it, or drop the line."
        )


@contextmanager
def naming_line(record: Record) -> Iterator[None]:
    """Add the number of the line to an InputError."""
    try:
        yield
    except InputError as error:
        code, _, what = str(error).partition(": ")
        raise InputError(f"{code}: stdin, line {record.line}: {what}") from None
