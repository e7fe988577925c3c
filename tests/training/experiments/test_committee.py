"""Committees: each member is judged on data it has not seen, and their mean is shipped."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from seqrt.data import joined
from seqrt.errors import ModelError, UsageError
from seqrt.training import Plan, load_run, predict, train
from seqrt.training.experiments.committee import (
    in_usual_folds,
    is_committee,
    resume_committee,
    start_committee,
)
from seqrt.training.runs.folder import read_record, read_rows

TINY = {"window": 5, "units": (3,), "epochs": 3, "folds": 3}


@pytest.fixture(scope="module")
def heights():
    return (10 * np.sin(np.arange(100) / 4.0)).round(4)


@pytest.fixture(scope="module")
def table(heights, tmp_path_factory):
    """A plan for a table, whose folds are consecutive in time."""
    path = tmp_path_factory.mktemp("table") / "wave.csv"
    rows = [f"{1900 + i},{height}" for i, height in enumerate(heights)]
    path.write_text("\n".join(["year,height", *rows]) + "\n")
    return Plan(str(path), target=("height",), **TINY)


@pytest.fixture(scope="module")
def alone(table, tmp_path_factory):
    """The folder of a committee that was trained without an interruption."""
    return train(table, tmp_path_factory.mktemp("alone") / "run").path


@pytest.fixture
def sequences(tmp_path, ragged):
    """A plan for labelled sequences, whose folds are drawn at random."""
    x, y = ragged
    path = tmp_path / "ragged.npz"
    np.savez(path, x=np.concatenate(x), lengths=[len(row) for row in x], y=y)
    return Plan(str(path), **{**TINY, "window": None})


@pytest.fixture
def few(tmp_path):
    """A file of few sequences to classify."""
    x = np.random.default_rng(0).normal(size=(20, 4, 1))
    np.savez(tmp_path / "few.npz", x=x, y=np.arange(20) % 2)
    return str(tmp_path / "few.npz")


def advance(committee, members):
    """Train this many of the members."""
    runs = committee.members()
    for _ in range(members):
        run = next(runs)
        list(run)
        run.finish()
    runs.close()


def members(run):
    return [load_run(run / f"fold-{fold}") for fold in (1, 2, 3)]


def test_what_ships_is_the_mean_of_the_members(table, alone):
    x = table.problem().judged.x

    want = np.mean([predict(net, x) for net in members(alone)], axis=0)
    np.testing.assert_allclose(predict(load_run(alone), x), want, rtol=1e-5, atol=1e-6)


def test_labels_are_predicted_by_the_mean_of_the_logits(sequences, tmp_path):
    train(sequences, tmp_path / "run")

    x = sequences.problem().judged.x
    logits = np.mean([np.log(predict(net, x)) for net in members(tmp_path / "run")], axis=0)
    want = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(load_run(tmp_path / "run"), x), want, rtol=1e-5, atol=1e-6)


def test_every_year_is_judged_once_by_the_member_that_has_not_seen_it(table, alone):
    result = read_record(alone)["result"]

    problems = [replace(table, fold=fold).problem() for fold in (1, 2, 3)]
    for problem in problems:
        assert not set(problem.train.when) & set(problem.judged.when)
    judged = joined([problem.judged for problem in problems])
    assert len(set(judged.when)) == len(judged.when) == 100 - 3 * 5
    said = [
        predict(*each) for each in zip(members(alone), (p.judged.x for p in problems), strict=True)
    ]
    errors = np.concatenate(said) - judged.truth
    assert result["part"] == "out of fold"
    assert result["figures"]["mse"] == pytest.approx(float(np.mean(errors**2)), rel=1e-6)


def test_scaling_is_learnt_from_the_other_folds_alone(table, heights):
    problem = replace(table, fold=2).problem()

    (column,) = problem.metadata.features
    others = np.concatenate([heights[:33], heights[67:]])
    assert (column.mean, column.scale) == pytest.approx((others.mean(), others.std()))


@pytest.mark.parametrize("missing", ["mean", "forward", "indicator"])
def test_all_members_read_a_missing_value_as_one_number(table, heights, missing):
    problem = replace(table, fold=2, missing=missing).problem()

    (column,) = problem.metadata.features
    others = np.concatenate([heights[:33], heights[67:]])
    mean = others.mean() if missing == "indicator" else heights.mean()
    assert (column.mean, column.scale) == pytest.approx((mean, others.std()))


@pytest.mark.parametrize("done", [0, 2, 3])
def test_an_interrupted_committee_ends_as_one_that_was_not(table, alone, tmp_path, done):
    advance(start_committee(table, tmp_path / "run"), done)
    assert is_committee(tmp_path / "run")

    committee = resume_committee(tmp_path / "run")
    advance(committee, 3 - done)
    committee.finish()

    for name in ("best.safetensors", "typical.npy"):
        assert (tmp_path / "run" / name).read_bytes() == (alone / name).read_bytes()
    with pytest.raises(UsageError, match="is finished"):
        resume_committee(tmp_path / "run")


def test_a_member_is_resumed_in_the_middle(table, alone, tmp_path):
    runs = start_committee(table, tmp_path / "run").members()
    run = next(runs)
    for _ in run:
        run.stop()
    runs.close()

    committee = resume_committee(tmp_path / "run")
    advance(committee, 3)
    committee.finish()

    weights = [(run / "best.safetensors").read_bytes() for run in (tmp_path / "run", alone)]
    assert weights[0] == weights[1]


def test_members_begin_with_weights_of_their_own(sequences, tmp_path):
    problem = sequences.problem()

    nets = [replace(sequences, fold=fold).network(problem) for fold in (1, 2)]

    first, second = (net.recurrent()[0].cells[0].weight_hh_l0 for net in nets)
    assert not (first == second).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": 1}, "folds must be at least 2, got 1"),
        ({"folds": None}, "a committee needs folds"),
        ({"layer_norm": True}, "no layer normalisation"),
        ({"folds": 30}, "30 folds of 100 rows have fewer"),
    ],
)
def test_what_cannot_be_a_committee_is_refused_and_leaves_no_folder(
    table, tmp_path, change, message
):
    with pytest.raises(UsageError, match=message):
        start_committee(replace(table, **change), tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_each_member_makes_500_steps_of_its_own(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones((40, 4, 1)), y=np.arange(40) % 2)
    plan = Plan(str(tmp_path / "x.npz"), folds=5)

    committee = start_committee(plan, tmp_path / "run")

    # 40 sequences are two batches, and the 32 of a member are one
    assert (committee.plan.epochs, committee.plan.patience) == (500, 125)


def test_results_hold_the_epochs_of_all_members(alone):
    rows = list(csv.DictReader((alone / "results.csv").read_text().splitlines()))

    assert [row["fold"] for row in rows] == ["1"] * 3 + ["2"] * 3 + ["3"] * 3
    assert [{"fold": "2", **row} for row in read_rows(alone / "fold-2")] == rows[3:6]
    assert (alone / "curves.png").exists()


def test_a_member_without_its_epochs_is_damaged(table, tmp_path):
    committee = start_committee(table, tmp_path / "run")
    advance(committee, 3)
    (tmp_path / "run/fold-2/results.csv").write_text("number,loss\n1\n")

    with pytest.raises(ModelError, match=r"E_RUN_DAMAGED: .*fold-2.results\.csv must hold a row"):
        committee.finish()


def test_few_sequences_are_trained_in_folds_by_default(few, tmp_path):
    result = train(Plan(few, patience=1, lr=1e-9, units=(2,)), tmp_path / "run")

    assert result.part == "out of fold"
    assert is_committee(tmp_path / "run")
    assert read_record(tmp_path / "run")["plan"]["folds"] == 5


@pytest.mark.parametrize(
    "options",
    [
        {"val": 0.2},
        {"epochs": 100},
        {"layer_norm": True},
        {"method": "plain"},
    ],
)
def test_what_asks_for_one_network_gets_one(few, options):
    assert in_usual_folds(Plan(few, **options)).folds is None


def test_given_folds_stay(few):
    assert in_usual_folds(Plan(few, folds=2)).folds == 2


def test_usual_folds_are_refused_in_several_processes(few, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")

    with pytest.raises(UsageError, match=r"in 5 folds, runs in one process, .* or give --val 0.2"):
        in_usual_folds(Plan(few))
    assert in_usual_folds(Plan(few, val=0.2)).folds is None


def test_the_record_of_a_member_says_which_fold_it_is(alone):
    kept = [read_record(alone / name)["plan"] for name in (".", "fold-2")]

    assert [(plan["folds"], plan.get("fold")) for plan in kept] == [(3, None), (3, 2)]
    assert not is_committee(alone / "fold-2")
