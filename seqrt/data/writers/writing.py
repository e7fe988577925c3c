"""Writes a table in the format that a suffix names."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Final

from numpy.typing import NDArray

from seqrt.data.writers.csv import write_csv
from seqrt.data.writers.jsonl import write_jsonl
from seqrt.data.writers.parquet import write_parquet

SUFFIXES: Final = (".csv", ".parquet", ".jsonl")


def write_table(file: BinaryIO, suffix: str, pieces: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write the pieces of a table into `file` in the format of `suffix`, one of SUFFIXES."""
    if suffix == ".parquet":
        write_parquet(file, pieces)
        return
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    try:
        (write_csv if suffix == ".csv" else write_jsonl)(text, pieces)
    finally:
        text.detach()  # or it would close `file`
