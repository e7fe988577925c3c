"""Run folders: the files of a run.

runs/sunspots-gru-1/
    run.toml             the resolved plan, when and on which data it started, at last its metrics
    results.csv          one row per epoch
    series.csv           the metrics of each series, if there are several
    best.safetensors     the best weights and the configuration of the network, see runs.weights
    checkpoint.*         until it is finished: see seqrt.training.loop.checkpoints
    curves.png           and forecast.png or confusion.png, memory.png
    typical.npy          some steps of the judged data: export measures the memory on them
    start.safetensors    until it is finished: the network it continues, see runs.start_from
"""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import tomli_w

from seqrt.data.readers.source import Source, name_of
from seqrt.errors import ModelError, OutputError, UsageError
from seqrt.files import write_text
from seqrt.training.runs.lock import is_locked

RUNS = "runs"
RECORD = "run.toml"
RESULTS = "results.csv"
SERIES = "series.csv"
WEIGHTS = "best.safetensors"
START = "start.safetensors"


def new_folder(source: Source, cell: str, out: str | Path | None = None) -> Path:
    """Make a folder for a run: `out`, or runs/SOURCE-CELL-NUMBER with the next free number."""
    return numbered_folder(RUNS, f"{plain_name(source)}-{cell}", out)


def numbered_folder(parent: str, name: str, out: str | Path | None = None) -> Path:
    """Make the folder `out`, or PARENT/NAME-NUMBER with the next free number."""
    if out is not None:
        return _make(Path(out), fix="Choose another with -o.")
    taken = [int(m[1]) for p in Path(parent).glob("*") if (m := _number(p.name, name))]
    for number in count(max(taken, default=0) + 1):
        path = Path(parent) / f"{name}-{number}"
        if not path.exists():
            return _make(path, fix="Try again.")
    raise AssertionError("count() ends")


def plain_name(source: Source) -> str:
    """Return the name of a data file or built-in task, reduced to characters fit for a folder."""
    return re.sub(r"[^\w.-]+", "-", name_of(source)).strip("-.")[:60] or "run"


def _number(name: str, head: str) -> re.Match[str] | None:
    return re.fullmatch(rf"{re.escape(head)}-([0-9]{{1,9}})", name)


def _make(path: Path, fix: str) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=path.is_dir() and not any(path.iterdir()))
    except FileExistsError:
        raise UsageError(
            f"a run needs a new or empty folder, but {path} already exists. {fix}"
        ) from None
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_DENIED: cannot create the folder {path} ({error.strerror})."
            " Change the permissions, or choose another folder with -o."
        ) from None
    return path


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write run.toml."""
    write_text(folder / RECORD, tomli_w.dumps(record))


def add_row(folder: Path, row: dict[str, Any]) -> None:
    """Append a row to results.csv, whole or not at all; the first row adds the header."""
    path = folder / RESULTS
    before = path.stat().st_size if path.exists() else 0
    lines = io.StringIO()
    table = csv.DictWriter(lines, row, lineterminator="\n")
    if not before:
        table.writeheader()
    table.writerow(row)
    try:
        with open(path, "ab") as file:
            file.write(lines.getvalue().encode())
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, before)  # remove what was written of the row
        raise OutputError(
            f"E_OUTPUT_FAILED: cannot write a row to {path} ({error.strerror})."
            " Free some space, or choose another folder with -o."
        ) from None


def write_rows(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write results.csv with these rows, of which there is at least one."""
    first, *others = rows
    lines = io.StringIO()
    table = csv.DictWriter(lines, first, lineterminator="\n")
    table.writeheader()
    table.writerows([first, *others])
    write_text(folder / RESULTS, lines.getvalue())


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of results.csv of a finished run."""
    return list(csv.DictReader((folder / RESULTS).read_text("utf-8").splitlines()))


def cut_rows(folder: Path, count: int) -> list[dict[str, str]]:
    """Cut results.csv to its first `count` rows, and return them; later rows may be half-written.

    Raises ModelError if there are fewer.
    """
    path = folder / RESULTS
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    kept = count + 1 if count else 0  # with the header
    first = lines[:kept]
    if len(first) < kept or not all(line.endswith("\n") for line in first):
        raise ModelError(
            f"E_RUN_DAMAGED: {path} must hold a row for each of {count} epochs, but holds"
            f" {max(len(lines) - 1, 0)}. Train again."
        )
    if first:
        write_text(path, "".join(first))
    else:
        path.unlink(missing_ok=True)
    return list(csv.DictReader(first))


def discard(folder: Path) -> None:
    """Remove the folder of a run without a finished epoch, which frees its name."""
    with suppress(OSError):
        for name in (RECORD, RESULTS, START):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove the partial files that a killed process left in the folder."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def newest_run(folder: str | Path = RUNS) -> Path:
    """Return the run in `folder` that was started last, by its own record, and has weights."""
    started = [(_started(path.parent), path.parent) for path in Path(folder).glob(f"*/{WEIGHTS}")]
    if not started:
        raise UsageError(f"there is no run in {folder}/. Train one with: seqrt train DATA")
    return max(started)[1]


def newest_unfinished(folder: str | Path = RUNS) -> Path:
    """Return the run in `folder` that was started last and is neither finished nor in training."""
    runs = [path.parent for path in Path(folder).glob(f"*/{RECORD}")]
    started = [(_started(run), run) for run in runs if _is_resumable(run)]
    if not started:
        raise UsageError(
            f"there is no unfinished run in {folder}/. Name the run, or train a new one."
        )
    return max(started)[1]


def read_record(folder: str | Path) -> dict[str, Any]:
    """Return the content of run.toml.

    Raises UsageError if there is none, ModelError if it is damaged.
    """
    path = Path(folder) / RECORD
    if not path.is_file():
        raise UsageError(
            f"{folder} must be a run folder, but contains no {RECORD}."
            " Train a run with: seqrt train DATA"
        )
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"E_RUN_DAMAGED: {path} is not valid TOML ({error}). Train again."
        ) from None


def read_unfinished(folder: str | Path) -> dict[str, Any]:
    """Return the content of run.toml, as `read_record`; raise UsageError if the run is finished."""
    record = read_record(folder)
    if "result" in record:
        raise UsageError(f"{folder} is finished. Export it with: seqrt export {folder}")
    return record


def _is_resumable(run: Path) -> bool:
    record = record_or_empty(run)
    return "plan" in record and "result" not in record and not is_locked(run)


def _started(run: Path) -> str:
    """Return when a run was started, as text that sorts by time; empty if not recorded."""
    return str(record_or_empty(run).get("started", ""))


def record_or_empty(run: Path) -> dict[str, Any]:
    """Return the content of run.toml; nothing if there is none, or if it is damaged."""
    try:
        return read_record(run)
    except (ModelError, UsageError):
        return {}
