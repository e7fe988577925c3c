"""Fixtures that call the command line in this process, and a part of it with small limits."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from seqrt.cli import main
from seqrt.cli.predictions.predict_file import SliceLimits, predict_to
from seqrt.cli.predictions.reading import open_data


class Outcome(NamedTuple):
    """The exit code of a command, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def short_sequences(tmp_path, monkeypatch):
    """Make a folder with labelled sequences in moves.npz, and go there."""

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


@pytest.fixture
def predict_in_slices():
    """Predict a file as `seqrt predict` does, but in slices of `memory` bytes."""

    def call(memory, source, model, out, advance=lambda _steps: None):
        from seqrt.data.slices import slices
        from seqrt.files import writing

        data = slices(open_data(Path(source), model.manifest), model.manifest)
        with writing(out) as file:
            return predict_to(file, model, data, advance, SliceLimits(memory=memory, work=1))

    return call
