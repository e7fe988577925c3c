"""Pictures: they show what they are given, and cost nothing global."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from seqrt.data import joined
from seqrt.drawing.style import save_figure
from seqrt.training import Epoch, Plan, prepare
from seqrt.training.runs import pictures


@pytest.fixture
def epochs() -> list[Epoch]:
    return [Epoch(i, 1 / i, 1 / i + 0.01 * i, 0.5, 0.1, best=i < 11) for i in range(1, 31)]


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_the_curves_show_both_losses_and_mark_the_best_epoch(epochs):
    figure = pictures.loss_curves(epochs, "waves")

    shown = lines(figure.axes[0])
    np.testing.assert_allclose(shown["training"], [epoch.loss for epoch in epochs])
    np.testing.assert_allclose(shown["validation"], [epoch.val_loss for epoch in epochs])
    assert "best: 0.2 in epoch 10" in shown
    assert figure.axes[1].get_ylabel() == "gradient norm"


def test_the_curves_can_do_without_validation(epochs):
    without = [Epoch(e.number, e.loss, None, e.grad_norm, e.seconds, best=True) for e in epochs]

    assert set(lines(pictures.loss_curves(without, "waves").axes[0])) == {"training"}


def test_a_forecast_stands_against_truth_and_persistence_over_time(series_csv):
    problem = prepare(series_csv, target="height", window=6, horizon=3)
    predicted = problem.validation.truth + 1

    figure = pictures.over_time(problem, predicted)

    first, last = figure.axes
    np.testing.assert_allclose(lines(first)["truth"], problem.validation.truth[:, 0])
    np.testing.assert_allclose(lines(last)["network"], predicted[:-2, 2])
    np.testing.assert_allclose(lines(last)["persistence"], problem.validation.known[:-2, 2])
    assert last.get_xlabel() == "year"


def test_a_horizon_longer_than_what_is_judged_leaves_its_last_step_empty(tmp_path, rng):
    path = tmp_path / "short.csv"
    path.write_text("y\n" + "\n".join(map(str, rng.normal(size=95))))
    problem = Plan(str(path), horizon=12, method="forecaster").problem()
    origins = len(problem.judged.truth)
    assert 11 / 2 < origins < 11

    figure = pictures.over_time(problem, np.zeros((origins, 12)))

    first, last = (lines(axes) for axes in figure.axes)
    assert len(first["network"]) == origins
    assert len(last["network"]) == 0


@pytest.mark.parametrize("panel", [0, 1])
def test_every_value_stands_at_its_own_time(panel, series_csv):
    problem = prepare(series_csv, target="height", window=6, horizon=3)
    cells = [line.split(",") for line in series_csv.read_text().split()[1:]]
    heights = {int(year): float(height) for year, height, *_ in cells}

    figure = pictures.over_time(problem, problem.validation.truth)

    truth = figure.axes[panel].lines[0]
    drawn = dict(zip(truth.get_xdata(), truth.get_ydata(), strict=True))
    assert len(drawn) >= 10
    assert drawn == pytest.approx({year: heights[year] for year in drawn})


@pytest.mark.parametrize("panel", [0, 1])
def test_folds_are_drawn_apart_each_value_at_its_own_time(panel, series_csv):
    plan = Plan(str(series_csv), target=("height",), window=6, horizon=3, folds=3)
    parts = [replace(plan, fold=fold).problem().judged for fold in (1, 2, 3)]
    problem = replace(plan.problem(), validation=joined(parts), folded=True)
    cells = [line.split(",") for line in series_csv.read_text().split()[1:]]
    heights = {int(year): float(height) for year, height, *_ in cells}

    axes = pictures.over_time(problem, problem.judged.truth).axes[panel]

    runs = axes.lines[::3]  # truth, persistence and network of each
    assert [len(line.get_xdata()) for line in runs] == [len(part) - 2 * panel for part in parts]
    for line in runs:
        drawn = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert max(np.diff(line.get_xdata())) == 1
        assert drawn == pytest.approx({year: heights[year] for year in drawn})
    assert "(out of fold)" in axes.get_title(loc="left")


def test_the_confusion_counts_what_was_taken_for_what(series_csv):
    problem = prepare(series_csv, target="way", window=6)
    predicted = np.tile([0.9, 0.1], (len(problem.validation), 1))

    axes = pictures.confusion_matrix(problem, predicted).axes[0]

    truth = list(problem.validation.y)
    counts = [text.get_text() for text in axes.texts]
    assert counts == [str(truth.count("down")), "0", str(truth.count("up")), "0"]


def test_a_picture_is_the_same_bytes_every_time(epochs, tmp_path):
    for name in ("one.png", "two.png"):
        save_figure(pictures.loss_curves(epochs, "waves"), tmp_path / name)

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_training_loads_no_matplotlib_until_a_picture_is_drawn():
    code = "import sys, seqrt.training; print('matplotlib' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_pyplot_stays_out(epochs, tmp_path):
    save_figure(pictures.loss_curves(epochs, "waves"), tmp_path / "curves.png")

    assert "matplotlib.pyplot" not in sys.modules
