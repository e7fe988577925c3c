"""A table from a Parquet file, read by pyarrow, which is an optional package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.readers.source import opened
from seqrt.data.table import Table, find_time
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError, UsageError


def read_parquet(path: str | Path, limits: ReadLimits = DEFAULT_LIMITS) -> Table:
    """Return the table in the Parquet file at `path`.

    Raises UsageError if pyarrow is not installed; InputError (E_INPUT_DAMAGED, E_INPUT_SIZE,
    E_INPUT_HEADER, E_INPUT_RANGE, E_INPUT_DTYPE) for a file that cannot be used.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "reading .parquet needs pyarrow. Install it with: pip install 'seqrt[parquet]'"
        ) from None
    with opened(path) as file:
        try:
            source = parquet.ParquetFile(file, page_checksum_verification=True)
            _check_size(source.metadata, path, limits)
            table = source.read()
            names = _names(table)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"E_INPUT_DAMAGED: {path} must be a Parquet file, but cannot be read"
                f" ({str(error).partition(chr(10))[0]:.200}). Copy it again."
            ) from None
    if len(set(names)) < len(names) or not names:
        raise InputError(
            f"E_INPUT_HEADER: {path} must have columns, each with a unique name,"
            f" got {', '.join(names[:12]) or 'none'}."
        )
    columns = {name: _column(table[name], f"{path}, column {name!r}") for name in names}
    return Table(str(path), columns, range(1, table.num_rows + 1), find_time(columns), place="row")


def _check_size(metadata: Any, path: str | Path, limits: ReadLimits) -> None:
    size = metadata.num_rows * metadata.num_columns * np.dtype(np.float64).itemsize
    if size > limits.unpacked:
        raise InputError(
            f"E_INPUT_SIZE: {path} must fit into {limits.unpacked:,} bytes of memory, but declares"
            f" {metadata.num_rows:,} rows of {metadata.num_columns} columns. Split it."
        )


def _names(table: Any) -> list[str]:
    """Return the names of the columns, those of a pandas index first (pandas stores them last)."""
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    first = [name for name in index if name in table.column_names]
    return first + [name for name in table.column_names if name not in first]


def _column(cells: Any, name: str) -> TableColumn:
    """Return numbers as float64 with NaN for null, and any other type as text."""
    import pyarrow
    from pyarrow import types

    kind = cells.type
    number_kinds = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    try:
        if any(is_kind(kind) for is_kind in number_kinds):
            return TableColumn(cells.cast(pyarrow.float64()).to_numpy())
        texts = cells.cast(pyarrow.string()).to_pylist()
    except pyarrow.ArrowNotImplementedError:
        raise InputError(
            f"E_INPUT_DTYPE: {name} must hold numbers, text or dates, got {kind}."
            " Leave the column out of the file."
        ) from None
    except (pyarrow.ArrowException, ValueError) as error:
        raise InputError(
            f"E_INPUT_RANGE: {name} must hold values that fit float64 or text ({error})."
        ) from None
    return TableColumn.of_text([text or "" for text in texts])
