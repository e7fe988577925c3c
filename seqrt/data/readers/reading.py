"""Reads a data file of any supported format, chosen by its suffix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.feature_cast import Trained
from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.readers.csv import read_csv
from seqrt.data.readers.jsonl import read_jsonl
from seqrt.data.readers.npy import read_npy
from seqrt.data.readers.npz import read_npz
from seqrt.data.readers.parquet import read_parquet
from seqrt.data.readers.several import joined_tables
from seqrt.data.readers.source import TABLES, TEXT, Source, files_of, is_several, shown
from seqrt.data.readers.text_files import read_text_files, read_text_lines
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.encoding.cells import FIRST_INEXACT
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError, ResourceError, UsageError
from seqrt.numbers import checked_cast

_AS_CSV = " Save the table as .csv."
_INSTEAD = {
    **dict.fromkeys(
        (".conll", ".conllu", ".iob"),
        " Save it as .jsonl, with a list of words and a list of labels in each line.",
    ),
    ".dat": " If it is a table, rename it to .csv.",
    ".json": " Save the table as .csv, or as .jsonl with an object in each line.",
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".feather", ".arrow"), _AS_CSV),
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz"), " Unpack it first."),
}


def read(
    path: Source,
    *,
    limit: int | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
    channels_first: bool = False,
    trained: Trained | None = None,
) -> Table | Sequences:
    """Return the contents of the table, array or texts at `path`, told apart by the suffix.

    Of several paths, or a folder, the tables are joined into one, in which the column `file` tells
    them apart. Folders of .txt files give a Table of texts and the labels of their folders, and one
    .txt file a Table of its lines.

    A .csv, .tsv, .jsonl or .parquet file gives a Table, and so does an array x (T,) or (T, D)
    alone: its columns are named x0, x1, ..., and none of them is a time. An array (B, T, D), or an
    archive with y or lengths, gives Sequences; `channels_first` and the features of a `trained`
    network say how they are read, see Sequences.of_arrays. `limit` is short for
    ReadLimits(unpacked=limit).

    Array values may be NaN or Inf here: the model that reads them checks that.
    """
    limits = limits if limit is None else replace(limits, unpacked=limit)
    try:
        if is_several(path):
            paths = files_of(path)
            if all(each.suffix.lower() == TEXT for each in paths):
                return read_text_files(paths, None if isinstance(path, tuple) else path)
            return _read_several(paths, limits, channels_first=channels_first)
        first = files_of(path)[0]
        return _read(first, limits, channels_first=channels_first, trained=trained)
    except MemoryError:
        raise ResourceError(
            f"E_MEMORY: {shown(path)} does not fit into memory. Split it."
        ) from None


def _read_several(
    paths: tuple[Path, ...], limits: ReadLimits, *, channels_first: bool
) -> Table | Sequences:
    others = [path for path in paths if path.suffix.lower() not in TABLES]
    if others and len(paths) > 1:
        raise UsageError(
            f"several files must be tables ({' or '.join(TABLES)}), got {others[0]}. Name one file."
        )
    read = [_read(path, limits, channels_first=channels_first, trained=None) for path in paths]
    tables = [table for table in read if isinstance(table, Table)]
    return joined_tables(paths, tables) if len(tables) > 1 else read[0]


def check_has_axes(source: str, shape: tuple[int, ...]) -> None:
    """Raise InputError if the array of a file is a single number, without any axis."""
    if not shape:
        raise InputError(
            f"E_INPUT_SHAPE: {source} must have shape (time,), (time, features) or"
            " (batch, time, features), got a single number."
        )


def _read(path: str | Path, limits: ReadLimits, **sequences: Any) -> Table | Sequences:
    if sequences["channels_first"] and Path(path).suffix.lower() in (*TABLES, TEXT):
        raise UsageError(
            f"--channels-first is for arrays of sequences, but {path} is a table. Drop it."
        )
    match Path(path).suffix.lower():
        case ".csv" | ".tsv":
            return read_csv(path)
        case ".jsonl" | ".ndjson":
            return read_jsonl(path)
        case ".txt":
            return read_text_lines(path)
        case ".parquet":
            return read_parquet(path, limits)
        case ".npy":
            return _of_arrays({"x": read_npy(path)}, str(path), sequences)
        case ".npz":
            return _of_arrays(read_npz(path, limits), str(path), sequences)
        case other:
            raise UsageError(
                f"data must be a .csv, .tsv, .jsonl, .parquet, .npy, .npz or .txt file,"
                f" got {other!r} in {path}."
                f"{_INSTEAD.get(other, '')}"
            )


def _of_arrays(
    arrays: dict[str, NDArray[Any]], source: str, sequences: dict[str, Any]
) -> Table | Sequences:
    x, trained = arrays["x"], sequences["trained"]
    if getattr(trained, "tokens", 0) and x.ndim == len("BT") and x.shape[1] > 1:
        # the ids of a batch
        arrays = {**arrays, "x": x[..., None]}
    alone = len(arrays) == 1
    if alone and arrays["x"].ndim in (1, 2) and not sequences["channels_first"]:
        return _table(arrays["x"], source)
    if alone:
        check_has_axes(source, arrays["x"].shape)
    return Sequences.of_arrays(arrays, source, **sequences)


def _table(x: NDArray[Any], source: str) -> Table:
    columns = x[:, None] if x.ndim == 1 else x
    named = {f"x{i}": _column(column, source) for i, column in enumerate(columns.T)}
    return Table(source, named, range(1, len(x) + 1), named=False, place="row")


def _column(numbers: NDArray[Any], source: str) -> TableColumn:
    """Return a column of an array; whole numbers that float64 would round stay int64 as well."""
    if numbers.dtype.kind == "b":
        return TableColumn.of_booleans(numbers.astype(np.float64))
    fits = numbers.dtype.kind == "i" or (numbers.dtype.kind == "u" and (numbers < 2**63).all())
    if fits and (abs(numbers.astype(np.float64)) >= FIRST_INEXACT).any():
        return TableColumn(numbers.astype(np.float64), exact=numbers.astype(np.int64))
    return TableColumn(checked_cast(source, numbers, np.float64))
