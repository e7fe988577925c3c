"""What a model makes of tables and texts: features, and ids of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqrt.errors import UsageError
from seqrt.runtime.facts import ModelFacts
from seqrt.runtime.out_of_memory import needs_memory

if TYPE_CHECKING:
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.types import Floats
    from seqrt.text.tokenizer import Tokenizer


class ModelReading(ModelFacts):
    """The part of a Model that reads tables and texts."""

    _engine: Engine

    @needs_memory
    def encode(self, columns: str | bytes | Mapping[str, Any]) -> Floats | Any:
        """Return the features (T, D) of T rows of a table, as `predict` and streams take them.

        `columns` maps the names of the training table's columns to their cells: lists, arrays, or a
        whole data frame. Cells are numbers, booleans, text or dates, and None or NaN where a value
        is missing; columns that the model does not use are ignored. Categories become one-hot,
        counters lose their offset, and calendar features come from the time column, as the
        manifest's `inputs` say::

            x = model.encode({
                "day": ["2024-03-28 12:00", "2024-03-29 12:00", "2024-03-30 12:00"],
                "weekday": ["Thu", "Fri", "Sat"],
                "meter": [1_000_000_007, 1_000_000_011, None],
                "open": [True, False, None],
                "promo": [0, 1, 1],
            })
            y = model.predict(x[None])

        Where a column is known h rows ahead, here promo by one row, each row takes its values from
        the rows after it, and the last h rows are not returned; their other cells may be missing. A
        single row can give them in columns of their own, called promo+1 to promo+h.

        A model of K wide columns returns the features (K, T, D) of each.

        A model that reads text returns the ids of a text (T,), which may be str or bytes, and for a
        table a list with those of each row; a missing text has none.

        Raises InputError for a column that is not given (E_INPUT_COLUMN) and at the first cell that
        is not a value of its column.
        """
        if isinstance(columns, str | bytes):
            return self.tokenizer.encode(columns)
        if self._engine.layout.text:
            return self._engine.layout.text.of_table(columns)
        from seqrt.runtime.inputs.columns import encode_table

        return encode_table(self.manifest, columns)

    @property
    def tokenizer(self) -> Tokenizer:
        """What maps text to the ids that the model reads, and ids of bytes to text.

        Raises UsageError for a model that reads no text.
        """
        reader = self._engine.layout.text
        if reader is None:
            raise UsageError(
                "only a model that reads text has a tokenizer; this one reads numbers."
            )
        return reader.tokenizer
