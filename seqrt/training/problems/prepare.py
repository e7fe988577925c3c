"""Making a problem from a file, or from the name of a built-in task or series."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Input
from seqrt.data import Sequences, Table, Timeline, arrange, digest, read
from seqrt.data.list_columns import holds_sequences, sequences_of
from seqrt.data.ordering.filling import most_filled
from seqrt.data.readers.source import Source, name_of, shown
from seqrt.data.understanding.accounting import ColumnUse, account
from seqrt.encoding.column import TableColumn
from seqrt.errors import UsageError
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.missing import AS_MEAN
from seqrt.training.problems.from_book import book_problem, check_is_text, is_book, read_book
from seqrt.training.problems.from_sequences import from_sequences
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.series import ROWS, SERIES
from seqrt.training.problems.split import Fold, Validation
from seqrt.training.problems.tasks import TASKS
from seqrt.training.problems.text.sentences import TEXTS, text_table
from seqrt.training.problems.text.splitting import text_split

Array = NDArray[Any]

BUILT_IN = (*SERIES, *TASKS, *TEXTS)

RowsOf = Callable[[Timeline, DataOptions, Metadata | None], TableRows]


def prepare(source: Source, *, val: Validation = 0.2, seed: int = 0, **options: Any) -> Problem:
    """Make the problem of `source`: a file (.csv .parquet .npy .npz .txt) or a name of `BUILT_IN`.

    Several files, or a folder, hold the same columns and are one series each.

    `options` are those of DataOptions by name. Omitted ones are inferred from the data; if one is
    uncertain, a UsageError says what to give. `val` is the share of the data for validation, or one
    of its folds; `seed` draws the sequences for validation, and built-in data.
    """
    return splitter(source, DataOptions(**options), seed)(val)


def splitter(
    source: Source,
    options: DataOptions,
    seed: int = 0,
    earlier: Metadata | None = None,
    *,
    one_mean: bool = False,
    cut: Callable[[TableRows, Validation], Problem] = from_table,
    rows_of: RowsOf = TableRows.of,
    usual_val: bool = False,
) -> Callable[[Validation], Problem]:
    """Read `source` once; return a function that makes its problem for a split, as `prepare` does.

    All the problems share one array of values. Where missing values, or with `one_mean` the steps
    before a sequence, are read as a feature's mean, all folds use its mean over all data, because
    their networks are averaged into one file, which has one mean; the scales are each fold's own.
    The data for a network that is trained further is read as the `earlier` data was. `rows_of`
    reads a table, and `cut` makes its problem for a split. With `usual_val`, a tenth of a text is
    for validation.
    """
    options.check()
    if is_book(source, options):
        options.reject_for_books()
        return _book_splitter(source, options, seed, usual_val=usual_val)
    missing = options.missing != "error"
    data, sha256 = _read(source, seed, options, earlier)
    split: Callable[..., Problem]
    uses: tuple[ColumnUse, ...] = ()
    texts = text_split(data, options, seed, earlier) if isinstance(data, Table) else None
    if texts is None:
        options.reject_of_texts(shown(source))
    if isinstance(data, Table) and holds_sequences(data, options.features):
        data, uses = in_lists(data, options, earlier)
    elif isinstance(data, Sequences):
        options.reject_for_sequences()
    if texts is not None:
        split = texts
    elif isinstance(data, Table):
        split = partial(cut, _table_rows(data, options, earlier, rows_of))
    else:
        split = partial(from_sequences, data, options.task, seed=seed, missing=missing)
    plain = TASKS[str(source)].plain if str(source) in TASKS else None

    def problem(val: Validation) -> Problem:
        made = split(val=val)
        if isinstance(val, Fold) and (one_mean or options.missing in AS_MEAN):
            made = _centred(made, split(val=0.0))
        metadata = replace(made.metadata, name=name_of(source), data_sha256=sha256, seed=seed)
        # the targets of a built-in task are known, and need no explanation
        notes = () if str(source) in TASKS else made.notes
        columns = made.columns or uses
        return replace(made, metadata=metadata, plain=plain, notes=notes, columns=columns)

    return problem


def _book_splitter(
    source: Source, options: DataOptions, seed: int, *, usual_val: bool
) -> Callable[[Validation], Problem]:
    """Read the text of a language model once; return the function that makes its problem."""
    data, sha256 = read_book(source), digest(source)
    if options.task is None:
        check_is_text(data, shown(source))

    def problem(val: Validation) -> Problem:
        made = book_problem(data, shown(source), val, usual_val=usual_val)
        named = replace(made.metadata, name=name_of(source), data_sha256=sha256, seed=seed)
        return replace(made, metadata=named)

    return problem


def in_order(table: Table, options: DataOptions, step: str = "", fill: int = 0) -> Timeline:
    """Return the rows of a table by series and time, as the options say; see `arrange`."""
    return arrange(
        table,
        series=options.series,
        time=options.time,
        dates=options.dates,
        span=options.span,
        step=step,
        fill=fill,
    )


def _table_rows(
    data: Table, options: DataOptions, earlier: Metadata | None, rows_of: RowsOf
) -> TableRows:
    step = earlier.time.step if earlier and earlier.time else ""
    rows = rows_of(in_order(data, options, step), options, earlier)
    fill = most_filled(rows.windowing.task, options.missing, rows.windowing.window)
    if not fill or len(rows.timeline.runs) == len(rows.timeline.keys):
        return rows
    return rows_of(in_order(data, options, step, fill), options, earlier)


def in_lists(
    data: Table, options: DataOptions, earlier: Metadata | None = None
) -> tuple[Sequences, tuple[ColumnUse, ...]]:
    """Return the rows of a table whose features are columns of lists, and the use of each column.

    Raises UsageError for options that do not apply to sequences, and without a target.
    """
    options.reject_for_sequences("features", "target")
    if not options.target:
        raise UsageError(
            f"the features of {data.source} are lists, so each row is a sequence with a target of"
            f" its own. Name its column with --target, such as --target {data.names[-1]}."
        )
    sequences = sequences_of(data, options.features, options.target, earlier)
    inputs = list(map(Input, options.features))
    uses = account(data, series=(), targets=options.target, inputs=inputs, chosen=True)
    return sequences, uses


def _centred(fold: Problem, whole: Problem) -> Problem:
    """Return the problem of a fold with the feature means of the whole data."""
    pairs = zip(fold.metadata.features, whole.metadata.features, strict=True)
    features = tuple(replace(own, mean=common.mean) for own, common in pairs)
    return replace(fold, metadata=replace(fold.metadata, features=features))


def usual_length(source: Source) -> int | None:
    """Return the default length of a built-in task or series; None for other sources."""
    task = TASKS.get(str(source))
    return task.length if task else ROWS if str(source) in SERIES else None


def _read(
    source: Source, seed: int, options: DataOptions, earlier: Metadata | None
) -> tuple[Table | Sequences, str]:
    name, length = shown(source), options.length
    if options.channels_first and name in BUILT_IN:
        raise UsageError(f"--channels-first is for files, but {name} is built in. Drop it.")
    if name in TASKS:
        drawn = TASKS[name].sequences(seed, length)
        return drawn, _digest(*drawn.x, *(drawn.y if drawn.y is not None else ()))
    if name in TEXTS:
        table = text_table(name, seed, length)
        return table, _digest(*(np.array(column.cells) for column in table.columns.values()))
    if name in SERIES:
        values = SERIES[name](seed, length or ROWS)
        table = Table(name, {"x": TableColumn(values)}, range(1, len(values) + 1), place="row")
        return table, _digest(values)
    if length is not None:
        raise UsageError(
            f"--length applies to built-in data only ({', '.join(BUILT_IN)}), but {name} is a file."
            " Drop it."
        )
    data = read(source, channels_first=options.channels_first, trained=earlier)
    return data, digest(source)


def _digest(*arrays: Array) -> str:
    """Return the SHA-256 of the numbers, or of the text, of all arrays."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()
