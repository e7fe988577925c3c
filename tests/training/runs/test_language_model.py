"""A run on a text trains a language model, judged in nats and bits a byte."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest
import torch

from seqrt.errors import UsageError
from seqrt.metrics import measure
from seqrt.training import Plan, load_run, prepare, resume, start, train
from seqrt.training.inputs.batches import predict
from seqrt.training.problems.from_book import book_baselines
from seqrt.training.runs.memory import load_series

TEXT = b"The cat sat on the mat, and that was that. " * 60
SMALL = {"units": (8,), "embedding": 4, "epochs": 2, "batch_size": 4, "lr": 0.02}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "cats.txt").write_bytes(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_metrics_of_a_run_are_those_of_its_predictions_and_of_counts():
    run = start(Plan("cats.txt", **SMALL), "run")
    list(run)
    result = run.finish()

    part, net = run.problem.validation, load_run("run")
    want = measure("generate", part.truth, predict(net, part.x), net.metadata.classes)
    assert result.figures == pytest.approx(want, rel=1e-5)
    assert result.figures["bits per byte"] == pytest.approx(want["nats per byte"] / math.log(2))
    assert run.epochs[-1].val_loss == pytest.approx(result.figures["nats per byte"], rel=1e-5)
    counted = book_baselines(run.problem)
    assert result.baseline_figures["nats per byte"] == counted["byte frequencies"][0]
    assert result.further["after each byte"]["accuracy"] == counted["after each byte"][1]
    assert net.metadata.text.width == net.embedding.embedding_dim == 4
    assert load_series("run").dtype == np.int32


def test_an_interrupted_run_resumes_to_the_same_weights_with_the_same_validation_part():
    def weights(run):
        return load_run(run.path).state_dict()

    whole = start(Plan("cats.txt", **SMALL), "whole")
    list(whole)
    stopped = start(Plan("cats.txt", **SMALL), "stopped")
    for _ in stopped:
        break
    again = resume("stopped")
    list(again)

    assert again.problem.share == whole.problem.share == 0.1
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name


def test_a_run_continues_on_another_text(here):
    train(Plan("cats.txt", **SMALL), "run")
    (here / "dogs.txt").write_bytes(TEXT.replace(b"cat", b"dog"))

    train(Plan("dogs.txt", start_from="run", epochs=1), "more")

    record = tomllib.loads((here / "more" / "run.toml").read_text())
    assert record["plan"]["units"] == [8]
    assert record["plan"]["embedding"] == 4
    assert load_run("more").metadata.text == load_run("run").metadata.text


def test_several_texts_are_read_one_after_the_other(here):
    (here / "dogs.txt").write_bytes(b"A dog. " * 200 + b"\n")

    problem = prepare(("cats.txt", "dogs.txt"), val=0.0)

    assert bytes((problem.train.x[0][:, 0] - 1).tolist()) == (TEXT + b"\n" + b"A dog. " * 200)


def test_what_is_given_stays_and_the_rest_suits_a_language_model():
    plan = Plan("cats.txt", units=(32,), dropout=0.0)

    found = plan.resolved(plan.problem())

    assert (found.cell, found.units, found.embedding, found.dropout) == ("gru", (32,), 64, 0.0)
    assert (found.tbptt, found.batch_size, found.val) == (64, 4, 0.1)
    assert found.resolved(plan.problem()) == found
    assert found.epochs == 56  # which make 500 steps of 4 rows of 64 bytes
    assert Plan("cats.txt").resolved(plan.problem()).dropout == 0.3
    given = Plan("cats.txt", val=0.2)
    assert given.problem().share == given.resolved(given.problem()).val == 0.2


def test_only_texts_have_language_models(here):
    (here / "a.csv").write_text("x,y\n1,2\n" * 9)
    for label in ("good", "bad"):
        (here / "reviews" / label).mkdir(parents=True)
        (here / "reviews" / label / "1.txt").write_bytes(TEXT)

    for source in ("a.csv", "reviews"):
        with pytest.raises(UsageError, match=f"so {source} must be a .txt file, or several"):
            prepare(source, task="generate")
    with pytest.raises(
        UsageError, match=r"folds are for many sequences, but cats\.txt is one text"
    ):
        next(Plan("cats.txt", folds=3).fold_problems())
    with pytest.raises(UsageError, match=r"got --window\. Drop"):
        prepare("cats.txt", window=9)


def test_a_new_network_starts_at_the_frequencies_of_the_bytes():
    plan = Plan("cats.txt", **SMALL)
    problem = plan.problem()

    p = plan.network(problem).dense.bias.softmax(0).numpy(force=True)

    counts = np.bincount(problem.train.truth, minlength=256)
    np.testing.assert_allclose(p, (counts + 1) / (len(problem.train.truth) + 256), rtol=1e-5)
