"""Run folders: what a run leaves on the disk, and the way back to its network.

runs/sunspots-gru-1/
    run.toml             the resolved plan, when it started, and at the end its figures
    results.csv          one row an epoch
    best.safetensors     the best weights, and in the header all that makes the network again
    checkpoint.*         while it is unfinished: see seqrt.training.loop.checkpoints
    curves.png           and forecast.png or confusion.png, memory.png
    typical.npy          some steps of the judged data: export measures the memory on them
"""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import tomli_w
import torch

from seqrt.contract import Column
from seqrt.errors import ModelError, OutputError, UsageError
from seqrt.files import write_bytes, write_text
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.network import Network
from seqrt.training.networks.weights_file import DAMAGE, pack, reason, unpack
from seqrt.training.runs.lock import is_locked

FORMAT = 1
RUNS = "runs"
RECORD = "run.toml"
RESULTS = "results.csv"
WEIGHTS = "best.safetensors"


def new_folder(source: str, cell: str, out: str | Path | None = None) -> Path:
    """Make a folder for a run: `out`, or runs/SOURCE-CELL-NUMBER with the next free number."""
    return numbered(RUNS, f"{plain_name(source)}-{cell}", out)


def numbered(parent: str, name: str, out: str | Path | None = None) -> Path:
    """Make the folder `out`, or PARENT/NAME-NUMBER with the next free number."""
    if out is not None:
        return _made(Path(out), fix="Choose another with -o.")
    taken = [int(m[1]) for p in Path(parent).glob("*") if (m := _number(p.name, name))]
    for number in count(max(taken, default=0) + 1):
        path = Path(parent) / f"{name}-{number}"
        if not path.exists():
            return _made(path, fix="Do it again.")
    raise AssertionError("count() ends")


def plain_name(source: str) -> str:
    """Return the name of what is learnt from, without what has no place in that of a folder."""
    return re.sub(r"[^\w.-]+", "-", Path(source).stem).strip("-.")[:60] or "run"


def _number(name: str, head: str) -> re.Match[str] | None:
    return re.fullmatch(rf"{re.escape(head)}-([0-9]{{1,9}})", name)


def _made(path: Path, fix: str) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=path.is_dir() and not any(path.iterdir()))
    except FileExistsError:
        raise UsageError(f"a run needs a new folder, and {path} is there already. {fix}") from None
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_DENIED: the folder {path} could not be made ({error.strerror})."
            " Change its permissions, or write elsewhere with -o."
        ) from None
    return path


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write run.toml."""
    write_text(folder / RECORD, tomli_w.dumps(record))


def add_row(folder: Path, row: dict[str, Any]) -> None:
    """Add a row to results.csv, under a header of its names, whole or not at all."""
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
            os.truncate(path, before)  # a part of a row is none
        raise OutputError(
            f"E_OUTPUT_FAILED: a row of {path} could not be written ({error.strerror})."
            " Make room, or write elsewhere with -o."
        ) from None


def cut_rows(folder: Path, count: int) -> list[dict[str, str]]:
    """Keep the first `count` rows of results.csv, and return them; what a kill tore goes.

    Raises ModelError where there are fewer.
    """
    path = folder / RESULTS
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    kept = lines[: count + 1] if count else []
    if len(kept) < (count and count + 1) or not all(line.endswith("\n") for line in kept):
        raise ModelError(
            f"E_RUN_DAMAGED: {path} must hold a row for each of {count} epochs, and holds"
            f" {max(len(lines) - 1, 0)}. Train again."
        )
    if kept:
        write_text(path, "".join(kept))
    else:
        path.unlink(missing_ok=True)
    return list(csv.DictReader(kept))


def discard(folder: Path) -> None:
    """Take back the folder of a run that learnt nothing, so that its name is free again."""
    with suppress(OSError):
        for name in (RECORD, RESULTS):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove the parts of files that a killed process left in the folder."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def save_weights(net: Network, folder: Path) -> None:
    """Write the weights of `net`, with all that makes the network again in the header."""
    header = {"format": FORMAT, "architecture": net.config(), "about": asdict(net.metadata)}
    write_bytes(folder / WEIGHTS, pack(net.state_dict(), header))


def load_run(path: str | Path) -> Network:
    """Return the network of a run with its best weights, from its folder or its weights file.

    Raises UsageError where there is no run, ModelError where its weights are damaged.
    """
    path = Path(path)
    weights = path / WEIGHTS if path.is_dir() else path
    if not weights.is_file():
        raise UsageError(
            f"{path} must be the folder of a run with {WEIGHTS}, and there is none."
            " Train one with: seqrt train DATA"
        )
    try:
        return _restored(weights.read_bytes(), weights)
    except (ModelError, UsageError) as error:
        raise ModelError(str(error)) from None
    except (*DAMAGE, RuntimeError) as error:
        raise ModelError(
            f"E_RUN_DAMAGED: {weights} must hold the weights of a run, and cannot be read"
            f" ({reason(error)}). Train again, or copy it again."
        ) from None


def newest_run(folder: str | Path = RUNS) -> Path:
    """Return the run in `folder` that was started last, by its own record; it has weights."""
    started = [(_started(path.parent), path.parent) for path in Path(folder).glob(f"*/{WEIGHTS}")]
    if not started:
        raise UsageError(f"there is no run in {folder}/. Train one with: seqrt train DATA")
    return max(started)[1]


def newest_unfinished(folder: str | Path = RUNS) -> Path:
    """Return the run in `folder` that was started last, is not finished, and not under way."""
    runs = [path.parent for path in Path(folder).glob(f"*/{RECORD}")]
    started = [(_started(run), run) for run in runs if _can_go_on(run)]
    if not started:
        raise UsageError(f"there is no unfinished run in {folder}/. Name one, or train a new one.")
    return max(started)[1]


def read_record(folder: str | Path) -> dict[str, Any]:
    """Return what run.toml says; raise UsageError where there is none, ModelError at damage."""
    path = Path(folder) / RECORD
    if not path.is_file():
        raise UsageError(
            f"{folder} must be the folder of a run, and has no {RECORD}."
            " Train one with: seqrt train DATA"
        )
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"E_RUN_DAMAGED: {path} must be TOML ({error}). Train again.") from None


def _can_go_on(run: Path) -> bool:
    record = _record_or_nothing(run)
    return "plan" in record and "result" not in record and not is_locked(run)


def _started(run: Path) -> str:
    """Return when a run was started, in a form that sorts; runs that do not say come first."""
    return str(_record_or_nothing(run).get("started", ""))


def _record_or_nothing(run: Path) -> dict[str, Any]:
    try:
        return read_record(run)
    except (ModelError, UsageError):
        return {}


def _restored(data: bytes, path: Path) -> Network:
    """Make the network that the bytes of a weights file hold; they are read once, never mapped."""
    weights, header = unpack(data, path, FORMAT)
    if any(value.dtype != torch.float32 for value in weights.values()):
        raise ValueError("its weights are not float32")
    net = _network(header)
    net.load_state_dict(weights, assign=True)
    return net.eval()


def _network(header: dict[str, Any]) -> Network:
    """Make the network that the header describes, without weights."""
    metadata = _metadata_of(header["about"])
    sizes = (header["architecture"]["features"], header["architecture"]["outputs"])
    if sizes != (len(metadata.features), len(metadata.outputs)):
        raise ValueError("its header contradicts itself")
    with torch.device("meta"):
        net = Network(**header["architecture"])
    net.metadata = metadata
    return net


def _metadata_of(record: dict[str, Any]) -> Metadata:
    columns = {
        name: tuple(Column(**column) for column in record[name]) for name in ("features", "outputs")
    }
    lists = {name: tuple(record[name]) for name in ("classes", "targets")}
    return Metadata(**{**record, **columns, **lists})
