"""Writes a table as Parquet, with pyarrow, which is an optional package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from numpy.typing import NDArray

from seqrt.errors import UsageError


def check_pyarrow() -> None:
    """Raise UsageError if pyarrow is not installed; call it before the work on a table."""
    try:
        import pyarrow  # noqa: F401 - only its presence matters
    except ImportError:
        raise UsageError(
            "writing .parquet needs pyarrow. Install it with: pip install 'seqrt[parquet]'"
        ) from None


def write_parquet(file: BinaryIO, pieces: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write the pieces of a table, a row group each; text is stored as strings.

    Times are timestamps without a zone. Numbers keep their type: float32 stays float32.
    """
    import pyarrow
    from pyarrow import parquet

    writer = None
    for piece in pieces:
        columns = {name: _column(cells) for name, cells in piece.items()}
        table = pyarrow.table(columns)
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def _column(cells: NDArray[Any]) -> Any:
    import pyarrow

    if cells.dtype.kind == "M":
        return pyarrow.array(cells.astype("datetime64[us]"))
    return pyarrow.array(cells, pyarrow.string() if cells.dtype.kind == "O" else None)
