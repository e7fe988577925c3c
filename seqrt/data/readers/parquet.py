"""A table from a Parquet file, read by pyarrow, which is an optional package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.readers.arrow_columns import ArrowLists, arrow_texts
from seqrt.data.readers.source import opened
from seqrt.data.table import Table
from seqrt.encoding.cells import FIRST_INEXACT
from seqrt.encoding.column import Numbers, TableColumn
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError, UsageError


def read_parquet(path: str | Path, limits: ReadLimits = DEFAULT_LIMITS) -> Table:
    """Return the table in the Parquet file at `path`.

    Raises UsageError if pyarrow is not installed; InputError (E_INPUT_DAMAGED, E_INPUT_SIZE,
    E_INPUT_HEADER) for a file that cannot be read. A column of a type that has no use, or of
    numbers that float64 would round, is an error only where it is used.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "reading .parquet needs pyarrow. Install it with: pip install 'seqrt[tables]'"
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
    columns = _columns({name: table[name] for name in names})
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


def _columns(cells: dict[str, Any]) -> dict[str, TableColumn]:
    """Return the columns as what they hold; those of text are read together, as in a .csv."""
    read = {name: _column(each) for name, each in cells.items()}
    texts = {name: each for name, each in read.items() if not isinstance(each, TableColumn)}
    fractions = texts and any(
        isinstance(each, TableColumn)
        and each.kind == "number"
        and (each.values[np.isfinite(each.values)] % 1).any()
        for each in read.values()
    )
    parsed = TableColumn.of_texts(texts, "." if fractions else None)
    return {
        name: each if isinstance(each, TableColumn) else parsed[name] for name, each in read.items()
    }


def _column(cells: Any) -> TableColumn | Sequence[str]:
    """Return a column as what it holds, and one of text as its texts.

    A type that has no use is a fault where it is used.
    """
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    kind = cells.type
    try:
        if _is_list(kind):
            return TableColumn.of_lists(ArrowLists(cells), str(kind))
        if cells.null_count == len(cells):
            return [""] * len(cells)
        if types.is_boolean(kind):
            return TableColumn.of_booleans(_floats(cells.cast(pyarrow.uint8())))
        if types.is_integer(kind) or types.is_decimal(kind):
            return _whole_numbers(cells)
        if types.is_floating(kind):
            return TableColumn.of_floats(_floats(cells))
        if types.is_timestamp(kind) or types.is_date(kind):
            return _stamps(cells)
        return arrow_texts(cells)
    except (pyarrow.ArrowException, ValueError):
        damaged = types.is_string(kind) or types.is_large_string(kind)
        return TableColumn.of_nothing(len(cells), "damaged text" if damaged else str(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _floats(cells: Any) -> Numbers:
    """Return numbers as float64, with NaN for null."""
    import pyarrow

    values: Numbers = cells.cast(pyarrow.float64()).to_numpy()
    return values


def _whole_numbers(cells: Any) -> TableColumn | Sequence[str]:
    """Return integers and decimals; those that float64 would round stay int64 as well."""
    import pyarrow

    # pyarrow rounds decimals to a neighbour of the nearest float64, but not so their text
    exactly = cells.cast(pyarrow.string()) if pyarrow.types.is_decimal(cells.type) else cells
    values: Numbers = exactly.cast(pyarrow.float64(), safe=False).to_numpy()
    if not (np.abs(values) >= FIRST_INEXACT).any():
        return TableColumn(values)
    try:
        exact = cells.cast(pyarrow.int64()).fill_null(0).to_numpy()
    except pyarrow.ArrowInvalid:  # decimals with a fraction, or beyond int64
        return arrow_texts(cells)
    return TableColumn(values, exact=exact)


def _stamps(cells: Any) -> TableColumn:
    """Return timestamps and dates as instants and as what the clock of their zone showed."""
    import pyarrow
    from pyarrow import compute

    def microseconds(stamps: Any) -> Any:
        whole = stamps.cast(pyarrow.timestamp("us"), safe=False).cast(pyarrow.int64())
        return whole.fill_null(np.iinfo(np.int64).min).to_numpy()

    zone = getattr(cells.type, "tz", None)
    if zone is None:
        return TableColumn.of_stamps(microseconds(cells))
    instants = cells.cast(pyarrow.timestamp("us", "UTC"), safe=False)
    wall = microseconds(compute.local_timestamp(cells))
    return TableColumn.of_stamps(microseconds(instants), wall)
