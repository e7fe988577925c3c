"""A simulated disk on which the N-th operation fails, as on a full or broken disk.

Files opened for writing get a raw layer that may fail, below Python's own buffer, so that buffered
data fails when it is flushed, as on a real disk. A failed write has written half of its bytes.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.torch

from seqrt.cli import main

COMMANDS = {
    "train": (
        *("train", "wave.csv", "--target", "height", "--units", "4", "--window", "5"),
        *("--batch-size", "8", "--epochs", "2", "-o", "run"),
    ),
    "export": ("export", "trained", "-o", "model.onnx"),
    "predict": ("predict", "wave.csv", "-m", "trained.onnx", "-o", "y.npy"),
    "predict, .csv": ("predict", "wave.csv", "-m", "trained.onnx", "-o", "y.csv"),
    "forecast": ("forecast", "wave.csv", "-m", "trained.onnx", "-o", "next.csv"),
}
RESULTS = ("model.onnx", "y.npy", "y.csv", "next.csv")
NUMBERS = {"write": errno.ENOSPC, "truncate": errno.ENOSPC, "mkdir": errno.ENOSPC}


class Disk:
    """Counts operations; number `fails`, counted from 1, fails, and with `on` all after it too."""

    def __init__(self, fails: int = 0, *, on: bool = False) -> None:
        self.fails, self.on = fails, on
        self.done: list[str] = []

    def operate(self, what: str, about: object) -> None:
        """Count an operation; raise OSError if it is to fail."""
        self.done.append(what)
        number = len(self.done)
        if number == self.fails or (self.on and 0 < self.fails < number):
            code = NUMBERS.get(what, errno.EIO)
            name = (os.fspath(about),) if isinstance(about, str | os.PathLike) else ()
            raise OSError(code, os.strerror(code), *name)

    @property
    def failed(self) -> str:
        """The operation that failed first, or an empty string."""
        return self.done[self.fails - 1] if 0 < self.fails <= len(self.done) else ""


class _Raw(io.FileIO):
    """A file whose writes go through a `Disk`."""

    disk: Disk

    def write(self, data) -> int:
        try:
            self.disk.operate("write", None)
        except OSError:
            super().write(bytes(data)[: len(data) // 2])
            raise
        return super().write(data)

    def truncate(self, size=None) -> int:
        self.disk.operate("truncate", None)
        return super().truncate(size)


@contextmanager
def failing(disk: Disk) -> Iterator[None]:
    """Make everything written inside the block go through `disk`."""
    right = {name: getattr(os, name) for name in ("fsync", "replace", "mkdir")}
    plain_open = builtins.open

    def opened(file, mode="r", *args, encoding=None, newline=None, **options):
        if not isinstance(file, str | os.PathLike) or not set(mode) & set("wax+"):
            return plain_open(file, mode, *args, encoding=encoding, newline=newline, **options)
        disk.operate("open", file)
        raw = _Raw(file, mode.replace("b", ""))
        raw.disk = disk
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, newline=newline)

    def through_disk(name):
        def operate(about, *args, **options):
            disk.operate(name, about)
            return right[name](about, *args, **options)

        return operate

    try:
        builtins.open = opened
        for name in right:
            setattr(os, name, through_disk(name))
        yield
    finally:
        builtins.open = plain_open
        for name, function in right.items():
            setattr(os, name, function)


class Trial(NamedTuple):
    """How a command ended on a failing disk: the failed operation, exit code, stdout, stderr."""

    number: int
    failed: str
    code: int
    out: str
    err: str


def prepare(folder: Path) -> None:
    """Fill a folder with a table, a run, its model, and older results of each command."""
    rows = [f"{1900 + i},{50 + 9 * np.sin(i):.3f}" for i in range(40)]
    (folder / "wave.csv").write_text("\n".join(["year,height", *rows]) + "\n")
    os.chdir(folder)
    for words in (COMMANDS["train"], ("export", "run", "-o", "trained.onnx")):
        assert run_on_disk(words).code == 0
    Path("run").rename("trained")
    for name in RESULTS:
        Path(name).write_bytes(b"old")


def run_on_disk(words: Sequence[str], number: int = 0, *, on: bool = False) -> Trial:
    """Run `seqrt WORDS...` here, on a disk whose operation `number` fails; return how it ended."""
    disk, out, err, code = Disk(number, on=on), io.StringIO(), io.StringIO(), None
    with failing(disk), redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as leave:
            code = leave.code
    return Trial(number, disk.failed, code, out.getvalue(), err.getvalue())


def trials(command: str, *, on: bool, every: int = 1) -> Iterator[tuple[Trial, str]]:
    """Run a command again and again while one operation after the other fails.

    Yield how it ended and what is wrong with that, if anything. In the last trial nothing fails.
    """
    before = contents()
    for number in count(1, every):
        trial = run_on_disk(COMMANDS[command], number, on=on)
        after = contents()
        yield trial, wrong(trial, before, after)
        for name in after.keys() - before.keys():
            Path(name).unlink()
        shutil.rmtree("run", ignore_errors=True)
        for name in RESULTS:
            Path(name).write_bytes(b"old")
        if not trial.failed:
            return


def wrong(trial: Trial, before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """Return what is wrong after a command, or an empty string."""
    after_the_rename = trial.failed == "fsync" and trial.code == 0
    if trial.code != (0 if after_the_rename or not trial.failed else 7):
        return f"exit code {trial.code}: {trial.err.splitlines()[-1]}"
    if trial.code and ("E_OUTPUT_" not in trial.err or trial.out):
        return f"printed {trial.out}{trial.err}"
    for name, content in before.items():
        if after.get(name) != content and (trial.code or name not in RESULTS):
            return f"{name} was changed"
    for name in after.keys() - before.keys():
        if not whole(Path(name)):
            return f"{name} is not whole"
    return ""


def contents() -> dict[str, bytes]:
    """Return the content of each file in the current folder, by path."""
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def whole(path: Path) -> bool:
    """Whether a file of a run is complete."""
    content = path.read_bytes()
    if path.suffix == ".toml":
        return "plan" in tomllib.loads(content.decode())
    if path.suffix == ".csv":
        lines = content.decode().split("\n")
        return lines[-1] == "" and len({line.count(",") for line in lines[:-1]}) == 1
    if path.suffix == ".safetensors":
        return bool(safetensors.torch.load(content))
    if path.suffix == ".png":
        return content.endswith(b"IEND\xaeB`\x82")
    return path.suffix == ".npy" and len(np.load(path)) > 0
