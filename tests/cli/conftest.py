"""Fixtures that call the command line in this process, and a part of it with small limits."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

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


WORDS = ("good", "bad", "film", "a", "!", "the", "caf\u00e9")


@pytest.fixture(scope="session")
def text_models(tmp_path_factory):
    """Export networks with random weights: they read words, bytes, tag words, or write text."""
    from seqrt.contract import Column
    from seqrt.contract.text import Text
    from seqrt.export import export
    from seqrt.training import Network
    from seqrt.training.inputs.scaling import id_column, probability_columns
    from seqrt.training.networks.metadata import Metadata

    folder = tmp_path_factory.mktemp("models")

    def make(name, task, text, classes=(), head="last", outputs=()):
        torch.manual_seed(1)
        outputs = probability_columns(classes) if classes else tuple(map(Column, outputs))
        activation = "softmax" if classes else "none"
        sizes = {"tokens": text.size, "embedding": text.width, "outputs": len(outputs)}
        net = Network("gru", units=(4,), head=head, activation=activation, **sizes)
        target = () if task == "generate" else ("label",)
        features = (id_column(text.size),)
        about = {"classes": classes, "targets": target, "text": text, "name": name}
        net.metadata = Metadata(task, features, outputs, **about)
        net.set_scaling(net.metadata.features, net.metadata.outputs)
        export(net, folder / f"{name}.onnx")

    words = Text("words", 3, "review", "ascii", WORDS)
    make("words", "classify", words, ("neg", "pos"))
    make("stars", "regress", words, outputs=("label",))
    make("tags", "tag", words, ("ADJ", "NOUN", "O"), "sequence")
    make("bytes", "classify", Text("bytes", 3, "name"), (1, 2, 3))
    make("book", "generate", Text("bytes", 3), tuple(range(256)), "sequence")
    return folder


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    """Write reviews.csv with five rows, one of them blank, and go there."""
    monkeypatch.chdir(tmp_path)
    rows = [
        "id,review,label",
        '1,"A good film, the ""caf\u00e9""!",pos',
        '2,"bad\nfilm",neg',
        '3," ",neg',
        "4,none,",
        "5,the film,pos",
    ]
    Path("reviews.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    return tmp_path
