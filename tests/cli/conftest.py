"""`run`: the command line, called as the shell calls it, in this process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from seqrt.cli import main


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def short_sequences(tmp_path, monkeypatch):
    """Go to an empty folder with short sequences, and whether they add up above zero."""

    def write(count):
        monkeypatch.chdir(tmp_path)
        x = np.random.default_rng(0).standard_normal((count, 6, 2)).astype(np.float32)
        np.savez("moves.npz", x=x, y=np.where(x[:, :, 0].sum(1) > 0, "up", "down"))
        return tmp_path

    return write


@pytest.fixture
def run(capsys):
    """Call `seqrt WORDS...`; return its exit code and what it wrote."""

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        written = capsys.readouterr()
        return Outcome(left.value.code, written.out, written.err)

    return call
