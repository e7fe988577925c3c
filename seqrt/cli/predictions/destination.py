"""Where predictions are written: a file whose extension decides the format, or stdout."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from seqrt.cli.predictions.screen import show_table
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

STDOUT = Path("-")
# How a table is answered, by its suffix.
TABLES = {
    ".csv": ".csv",
    ".tsv": ".csv",
    ".txt": ".csv",
    ".jsonl": ".jsonl",
    ".ndjson": ".jsonl",
    ".parquet": ".parquet",
}
_ARRAY = ".npy"


@dataclass(frozen=True)
class Destination:
    """A file at `path`, or stdout if it is None, and the format: .npy, .csv, .parquet or .jsonl."""

    path: Path | None
    suffix: str

    @property
    def is_table(self) -> bool:
        """Whether the format is that of a table, and not of an array."""
        return self.suffix != _ARRAY

    def check(self, *inputs: Path) -> None:
        """Raise OutputError if the file cannot be written, or is one of the `inputs`."""
        from seqrt.files import check_not_input, check_writable

        if self.path is not None:
            check_not_input(self.path, *inputs)
            check_writable(self.path)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file, which appears under its name when it is complete, or stdout."""
        from seqrt.files import writing

        if self.path is None:
            yield sys.stdout.buffer
            return
        with writing(self.path) as file:
            yield file

    def write(
        self,
        file: BinaryIO,
        pieces: Iterable[Mapping[str, NDArray[Any]]],
        targets: Sequence[str] = (),
    ) -> None:
        """Write a table into the opened `file`; on a terminal, print as much of it as fits."""
        from seqrt.data.writers.writing import write_table

        if self.path is None and sys.stdout.isatty():
            show_table(pieces, targets)
        else:
            write_table(file, self.suffix, pieces)

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """Open a nameless temporary file on the disk of the result, removed at the end."""
        folder = None if self.path is None else self.path.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            yield cast("BinaryIO", file)


def destination(out: Path | None, data: Path, *, as_json: bool = False) -> Destination:
    """Return where the predictions for the file `data` go; `out` is what -o names.

    Without -o a table is answered by a table, and an array by an array, beside `data`.
    Raises UsageError for an extension that is not one of a format, for --json beside predictions on
    stdout, and for .parquet where pyarrow is not installed.
    """
    from seqrt.data.writers.parquet import check_pyarrow
    from seqrt.data.writers.writing import SUFFIXES

    if out == STDOUT:
        if as_json:
            raise UsageError(
                "-o - writes predictions to stdout, where --json writes its record."
                " Drop one of them."
            )
        return Destination(None, ".csv")
    if out is None:
        like = ".csv" if data.is_dir() else data.suffix.lower()
        out = data.with_suffix(f".pred{TABLES.get(like, _ARRAY)}")
    suffix = out.suffix.lower()
    if suffix not in (_ARRAY, *SUFFIXES):
        raise UsageError(
            f"-o must name a file that ends in {_ARRAY}, {', '.join(SUFFIXES[:-1])} or"
            f" {SUFFIXES[-1]}, or be - for CSV on stdout, got {str(out)!r}."
        )
    if suffix == ".parquet":
        check_pyarrow()
    return Destination(out, suffix)
