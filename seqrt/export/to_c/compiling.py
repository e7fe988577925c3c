"""Runs the C compilers of this machine, if there are any: sizes, stack, golden cases."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seqrt.errors import ParityError
from seqrt.export.to_c.source import Sources

_LONGEST_SECONDS: Final = 120
_NOT_RUN: Final = 127
_CORTEX_M4F: Final = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
# Compiler, its size tool, its flags, what its figures are for: the first that is there is taken.
_COMPILERS: Final[tuple[tuple[str, str, list[str], str], ...]] = (
    ("arm-none-eabi-gcc", "arm-none-eabi-size", _CORTEX_M4F, "a Cortex-M4F, -Os"),
    ("gcc", "size", [], "this machine, gcc -Os"),
    ("cc", "size", [], "this machine, cc -Os"),
    ("clang", "size", [], "this machine, clang -Os"),
)
_HOSTS: Final = ("gcc", "cc", "clang")


@dataclass(frozen=True)
class Compiled:
    """Bytes of code and constants in flash, most bytes of stack, and what machine they are for."""

    flash: int
    stack: int | None
    machine: str


def compiled_sizes(sources: Sources, name: str) -> Compiled | None:
    """Return the sizes that a compiler finds, None if there is no compiler."""
    for compiler, tool, flags, machine in _COMPILERS:
        if not shutil.which(compiler) or not shutil.which(tool):
            continue
        with _folder(sources, name) as folder:
            options = ["-std=c99", "-Os", "-fstack-usage", "-c", f"{name}.c"]
            if _run([compiler, *flags, *options], folder).returncode:
                continue
            listed = _run([tool, f"{name}.o"], folder).stdout.split("\n")
            text, data, *_ = map(int, listed[1].split()[:2])
            return Compiled(text + data, _stack(folder / f"{name}.su"), machine)
    return None


def _stack(usage: Path) -> int | None:
    """Return the bytes of all functions together, which the deepest call cannot exceed."""
    if not usage.is_file():
        return None
    return sum(int(line.split("\t")[1]) for line in usage.read_text().splitlines())


def check_cases(sources: Sources, name: str) -> str:
    """Compile the golden cases and run them; return the compiler, "" if none can do so here.

    Raises ParityError if the program says that a case does not hold.
    """
    for compiler in filter(shutil.which, _HOSTS):
        with _folder(sources, name) as folder:
            options = ["-std=c99", "-O1", f"-D{name}_MAIN", f"{name}.c", "-o", "test", "-lm"]
            if _run([compiler, *options], folder).returncode:
                continue
            done = _run([str(folder / "test")], folder)
            if done.returncode == _NOT_RUN:
                continue
            if done.returncode:
                said = re.sub(r"\s+", " ", done.stdout.strip()) or f"exit code {done.returncode}"
                raise ParityError(
                    f"E_PARITY: compiled by {compiler}, the C does not compute what was trained:"
                    f" {said:.200}. Please report this."
                )
            return compiler
    return ""


@contextmanager
def _folder(sources: Sources, name: str) -> Iterator[Path]:
    """Give a folder with the two files, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        (folder / f"{name}.h").write_text(sources.header, "utf-8")
        (folder / f"{name}.c").write_text(sources.source, "utf-8")
        yield folder


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program; one that cannot start or takes too long has exit code _NOT_RUN."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(command, _NOT_RUN, "", "")
