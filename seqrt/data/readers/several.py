"""Several files as one table: each is a series, told apart by a column with the file's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError, UsageError

FILE = "file"


def joined_tables(paths: Sequence[Path], tables: Sequence[Table]) -> Table:
    """Return the rows of all tables below each other; a column named file says where from.

    Raises InputError (E_INPUT_COLUMN) unless all files have the same columns, and UsageError for a
    file that is named twice.
    """
    first = tables[0]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"each file must be named once, got {twice} twice. Drop one.")
    for path, table in zip(paths, tables, strict=True):
        _check_columns(path, table, paths[0], first)
    held = [i for i, table in enumerate(tables) if table.rows] or [0]
    names = _labels([paths[i] for i in held])
    kept = [tables[i] for i in held]
    counts = [table.rows for table in kept]
    label = FILE
    while label in first.columns:
        label = f"_{label}"
    cells = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    columns = _joined({name: [table.columns[name] for table in kept] for name in first.names})
    return replace(
        first,
        source=f"{len(paths)} files",
        columns={label: TableColumn.of_text(cells), **columns},
        lines=np.concatenate([np.asarray(table.lines) for table in kept]).tolist(),
        time=None,
        series=(label,),
        files=tuple(str(paths[i]) for i in held),
        file_of=np.repeat(np.arange(len(held)), counts),
    )


def _check_columns(path: Path, table: Table, like: Path, first: Table) -> None:
    missing = [name for name in first.names if name not in table.columns]
    more = [name for name in table.names if name not in first.columns]
    if missing or more:
        fault = f"has no column {missing[0]!r}" if missing else f"also has {more[0]!r}"
        raise InputError(
            f"E_INPUT_COLUMN: {path}: all files must have the same columns, but this one {fault},"
            f" unlike {like}. Train on the files that agree."
        )


def _labels(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: without its suffix and folder, if that tells them apart."""
    for names in ([path.stem for path in paths], [path.name for path in paths]):
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _joined(parts: dict[str, list[TableColumn]]) -> dict[str, TableColumn]:
    """Join the parts of each column; text is parsed again, all columns of the files together."""
    texts = {
        name: [cell for part in held for cell in _cells(part)]
        for name, held in parts.items()
        if any(part.cells is not None for part in held) or len({part.kind for part in held}) > 1
    }
    parsed = TableColumn.of_texts(texts)
    return {name: parsed.get(name) or _arrays(held) for name, held in parts.items()}


def _cells(part: TableColumn) -> Sequence[str]:
    return part.texts() if part.cells is None else part.cells


def _arrays(held: Sequence[TableColumn]) -> TableColumn:
    """Join columns that were never text."""

    def each(name: str) -> Any:
        values = [getattr(part, name) for part in held]
        return np.concatenate(values) if all(value is not None for value in values) else None

    exact = None
    if any(part.exact is not None for part in held):
        whole = [
            np.nan_to_num(part.values).astype(np.int64) if part.exact is None else part.exact
            for part in held
        ]
        exact = np.concatenate(whole)
    lists = None
    if all(part.lists is not None for part in held):
        lists = [row for part in held for row in part.lists or ()]
    return replace(
        held[0],
        values=each("values"),
        exact=exact,
        stamps=each("stamps"),
        wall=each("wall"),
        lists=lists,
        fault=next((part.fault for part in held if part.fault is not None), None),
    )
