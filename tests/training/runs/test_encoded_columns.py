"""Runs on columns of every kind: what the network starts with, and what its file computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from seqrt.data import read
from seqrt.data.known_ahead import predictable
from seqrt.data.slices import slices
from seqrt.data.timeline import Timeline
from seqrt.export import export
from seqrt.runtime import Model
from seqrt.training import Plan
from seqrt.training.runs.run import start
from seqrt.training.runs.weights import load_run

WEEK = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
QUICK = {"window": 4, "units": (4,), "epochs": 1, "threads": 1, "cell": "gru"}


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch) -> Path:
    """A table of a hundred days, a plan for the next five, and a category that comes late."""
    rows = [
        f"{np.datetime64('2024-01-01') + i},{WEEK[i % 7] if i < 90 else 'Holiday'},{i % 2},"
        f"{10**9 + 3 * i},{'' if i >= 100 else 20 + 5 * (i % 2)}"
        for i in range(105)
    ]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(["day,weekday,promo,meter,sales", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return path


def columns_of_first_weights(plan: Plan) -> dict[str, torch.Tensor]:
    problem = plan.problem()
    weights = plan.network(problem).recurrent()[0].cells[0].weight_ih_l0
    names = [column.name for column in problem.metadata.features]
    return dict(zip(names, weights.detach().T, strict=False))


def test_categories_that_training_lacks_start_without_weights():
    plan = Plan("shop.csv", target="sales", categories="weekday", future="promo", **QUICK)

    weights = columns_of_first_weights(plan)

    zero = {name for name, column in weights.items() if not column.any()}
    assert zero == {"weekday=Holiday", "weekday=other"}


def test_categories_do_not_change_what_the_others_start_with():
    plan = Plan("shop.csv", target="sales", categories="weekday", future="promo", **QUICK)
    problem = plan.problem()

    torch.manual_seed(plan.seed)
    drawn = type(plan.network(problem))(
        "gru", len(problem.metadata.features), (4,), 1, head="last", activation="none"
    )

    kept = plan.network(problem).recurrent()[0].cells[0].weight_ih_l0
    first = drawn.recurrent()[0].cells[0].weight_ih_l0
    some = kept.detach().any(dim=0)
    assert torch.equal(kept[:, some], first[:, some])


def test_a_run_resumes_with_the_same_features():
    options = {"categories": "weekday", "future": "promo", "calendar": ("month", "weekday")}
    plan = Plan("shop.csv", target="sales", horizon=2, **options, **QUICK)
    problem = plan.problem()

    again = Plan.of_record(plan.resolved(problem).record()).problem()

    assert again.metadata == problem.metadata
    np.testing.assert_array_equal(again.train.x[3], problem.train.x[3])


def test_the_file_says_how_the_columns_become_features_and_predicts_the_planned_days():
    options = {"categories": "weekday", "future": "promo"}
    run = start(Plan("shop.csv", target="sales", horizon=5, **options, **QUICK), "run")
    for _ in run:
        pass
    run.finish()
    export(load_run("run"), "shop.onnx")

    model = Model("shop.onnx")
    assert model.manifest.inputs == run.problem.metadata.inputs
    assert [each.offset for each in model.manifest.inputs if each.column == "meter"] == [10**9]
    data = predictable(Timeline.plain(read(Path("shop.csv"))), model.manifest)
    read_by_model = slices(data, model.manifest)
    assert read_by_model.sequences == 100 - 4 + 1
    x = read_by_model.part(slice(0, 97), slice(0, 4))
    assert np.isfinite(model.predict(x)).all()
    planned = [name for name in run.problem.metadata.features if name.name.startswith("promo+")]
    assert len(planned) == 5


def test_windows_near_the_end_of_training_still_know_what_is_ahead():
    plan = Plan("shop.csv", target="sales", horizon=3, future="promo", **QUICK)

    problem = plan.problem()

    for part in (problem.train, problem.validation):
        assert all(np.isfinite(window).all() for window in part.x)
    promo, one_ahead = problem.train.x[0][:, 0], problem.train.x[0][:, 3]
    np.testing.assert_array_equal(one_ahead[:-1], promo[1:])


def test_a_program_encodes_as_the_commands_do():
    options = {"categories": "weekday", "future": "promo", "calendar": ("month", "weekday")}
    run = start(Plan("shop.csv", target="sales", horizon=2, **options, **QUICK), "run")
    for _ in run:
        pass
    run.finish()
    export(load_run("run"), "shop.onnx")
    model, table = Model("shop.onnx"), read(Path("shop.csv"))
    cells = {
        name: [column.text(row) for row in range(100 + 2)] for name, column in table.columns.items()
    }

    x = model.encode(cells)

    runs = predictable(Timeline.plain(table), model.manifest)
    expected = slices(runs, model.manifest).part(slice(0, 97), slice(0, 4))
    np.testing.assert_array_equal(
        np.lib.stride_tricks.sliding_window_view(x, 4, 0).swapaxes(1, 2), expected
    )


def test_a_plan_that_is_known_ahead_is_learnt(tmp_path):
    promo = np.random.default_rng(11).integers(0, 2, 400)
    rows = [f"{np.datetime64('2023-01-01') + i},{p},{20 + 10 * p}" for i, p in enumerate(promo)]
    Path("promo.csv").write_text("\n".join(["day,promo,y", *rows]) + "\n")
    options = {"window": 4, "units": (8,), "epochs": 30, "threads": 1, "cell": "gru"}

    errors = []
    for future in ((), ("promo",)):
        run = start(
            Plan("promo.csv", target="y", future=future, **options), tmp_path / str(len(future))
        )
        for _ in run:
            pass
        errors.append(run.finish().figures["mse/variance"])

    without, with_plan = errors
    assert without > 0.5
    assert with_plan < 0.1
