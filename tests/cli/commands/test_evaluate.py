"""`seqrt evaluate`: the metrics of a model on data with known targets."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import seqrt
from seqrt.contract import Column
from seqrt.contract.quantiles import output_names
from seqrt.export import export
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata

TINY = ("--units", "4", "--epochs", "2", "--cell", "gru")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forecaster(run):
    """A series in wave.csv, and a forecaster of it, two steps ahead, in models/."""
    height = np.sin(np.arange(80) / 3)
    rows = [f"{1900 + i},{value:.6f}" for i, value in enumerate(height)]
    Path("wave.csv").write_text("\n".join(["year,height", *rows]) + "\n")
    assert run("train", "wave.csv", "--window", "5", "--horizon", "2", *TINY).code == 0
    assert run("export", "-o", "wave.onnx").code == 0
    return seqrt.load("wave.onnx")


def test_a_forecast_is_judged_beside_persistence(run, forecaster):
    height = np.round(np.sin(np.arange(80) / 3), 6)
    windows = np.lib.stride_tricks.sliding_window_view(height, 7)
    said = forecaster.predict(windows[:, :5, None])

    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--json")

    answer = json.loads(done.out)
    mse = np.mean((said - windows[:, 5:]) ** 2)
    plain = np.mean((windows[:, 4:5] - windows[:, 5:]) ** 2)
    assert answer["answers"] == 74
    assert answer["figures"]["mse"] == pytest.approx(mse, rel=1e-6)
    assert answer["persistence"]["mse"] == pytest.approx(plain, rel=1e-6)


def test_a_span_judges_its_answers_and_reads_what_leads_to_them(run, forecaster):
    height = np.round(np.sin(np.arange(80) / 3), 6)
    windows = np.lib.stride_tricks.sliding_window_view(height, 7)[45:59]
    said = forecaster.predict(windows[:, :5, None])

    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--json", "--span", "1950:1964")

    answer = json.loads(done.out)
    assert answer["answers"] == 14
    assert answer["figures"]["mse"] == pytest.approx(
        np.mean((said - windows[:, 5:]) ** 2), rel=1e-6
    )


def test_people_get_a_table(run, forecaster):
    done = run("evaluate", "wave.csv", "-m", "wave.onnx")

    assert done.code == 0
    assert done.out.split()[:3] == ["model", "persistence", "mse"]
    assert done.err == "wave.onnx on 74 targets of wave.csv\n"


@pytest.mark.parametrize("per_step", [False, True])
def test_labels_are_judged_by_accuracy(run, per_step):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 6, 2)).astype(np.float32)
    sums = x.cumsum(axis=1)[..., 0] if per_step else x.sum(axis=(1, 2))
    np.savez("data.npz", x=x, y=np.where(sums > 0, "up", "down"))
    assert run("train", "data.npz", *TINY).code == 0
    assert run("export", "-o", "m.onnx").code == 0
    model = seqrt.load("m.onnx")

    done = run("evaluate", "data.npz", "-m", "m.onnx", "--json")

    said = np.array(model.manifest.classes)[model.predict(x).argmax(axis=-1)]
    answer = json.loads(done.out)
    assert answer["figures"]["accuracy"] == pytest.approx(
        np.mean(said == np.where(sums > 0, "up", "down"))
    )
    assert answer["persistence"] == {}
    note = "note: data.npz is what the network was trained on, so these metrics flatter it."
    assert note in run("evaluate", "data.npz", "-m", "m.onnx").out


def test_a_table_of_labels_is_judged_by_the_column_it_learnt(run):
    rng = np.random.default_rng(0)
    values = rng.standard_normal(60)
    rows = [f"{value:.5f},{'up' if value > 0 else 'down'}" for value in values]
    Path("t.csv").write_text("\n".join(["v,trend", *rows]) + "\n")
    assert run("train", "t.csv", "--target", "trend", "--window", "3", *TINY).code == 0
    assert run("export", "-o", "m.onnx").code == 0

    learnt = run("evaluate", "t.csv", "-m", "m.onnx", "--json")
    named = run("evaluate", "t.csv", "-m", "m.onnx", "--json", "--target", "trend")

    assert json.loads(learnt.out)["answers"] == 58
    assert learnt.out == named.out


def test_sequences_without_answers_are_a_usage_error(run, forecaster):
    np.save("data.npy", np.zeros((5, 9, 1)))

    done = run("evaluate", "data.npy", "-m", "wave.onnx")

    assert (done.code, done.out) == (2, "")
    assert "sequences must have their targets stored with them as y" in done.err


def test_a_series_without_names_is_judged_too(run, forecaster):
    height = np.sin(np.arange(80) / 3)
    np.save("wave.npy", np.round(height, 6))

    by_name = run("evaluate", "wave.csv", "-m", "wave.onnx", "--json")
    by_place = run("evaluate", "wave.npy", "-m", "wave.onnx", "--json")

    assert by_place.out == by_name.out


def test_the_last_line_says_whether_the_forecast_beats_the_best_baseline(run, forecaster):
    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--span", "1950:")
    answer = json.loads(
        run("evaluate", "wave.csv", "-m", "wave.onnx", "--span", "1950:", "--json").out
    )

    test = answer["back_test"]
    assert done.out.splitlines()[-1] == test["verdict"]
    assert test["verdict"].startswith("The model does not beat the best naive baseline: ")
    assert not test["beats_best_naive"]
    persistence = test["forecasters"]["persistence"]["figures"]
    assert persistence["MAE"] == pytest.approx(answer["persistence"]["mae"])
    assert (test["origins"], test["horizon"], test["best_fitted"]) == (29, 2, "ridge AR")


def test_a_season_can_be_given(run, forecaster):
    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--season", "5", "--json")

    assert "seasonal naive 5" in json.loads(done.out)["back_test"]["forecasters"]


def test_a_file_that_the_model_was_trained_on_is_noted(run, forecaster):
    note = "note: wave.csv is what the network was trained on, so these metrics flatter it."

    assert note in run("evaluate", "wave.csv", "-m", "wave.onnx").out
    Path("other.csv").write_text(Path("wave.csv").read_text() + "1980,0.5\n")
    assert note not in run("evaluate", "other.csv", "-m", "wave.onnx").out
    assert note not in run("evaluate", "wave.csv", "-m", "wave.onnx", "--span", "1950:").out


def test_a_picture_is_drawn(run, forecaster):
    pytest.importorskip("matplotlib")

    assert run("evaluate", "wave.csv", "-m", "wave.onnx", "--plot", "errors.png").code == 0
    assert Path("errors.png").read_bytes().startswith(b"\x89PNG")
    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--plot", "errors.jpg")
    assert (done.code, done.err) == (
        2,
        "seqrt: --plot must name a file that ends in .png, got 'errors.jpg'.\n",
    )


def test_models_of_statsforecast_need_its_package(run, forecaster):
    done = run("evaluate", "wave.csv", "-m", "wave.onnx", "--baselines", "--span", "1950:")

    if importlib.util.find_spec("statsforecast"):
        assert "AutoETS" in done.out
    else:
        assert done.code == 5
        assert "pip install 'seqrt[baselines]'" in done.err


def test_a_forecaster_of_whole_series_is_judged_with_its_intervals(run):
    torch.manual_seed(0)
    quantiles, outputs = (0.1, 0.5, 0.9), output_names(["height"], 2, (0.1, 0.5, 0.9))
    net = Forecaster(season=7, seasons=2, level_window=7, horizon=2, units=4, answers=quantiles)
    names = tuple(map(Column, outputs))
    about = Metadata(
        "forecast", (Column("height"),), names, targets=("height",), horizon=2, quantiles=quantiles
    )
    export(net.eval(), "f.onnx", about=about)
    height = np.round(5 + np.sin(np.arange(80) * 2 * np.pi / 7), 6)
    Path("wave.csv").write_text("\n".join(["height", *map(str, height)]) + "\n")

    done = run("evaluate", "wave.csv", "-m", "f.onnx", "--span", "51:", "--json")

    test = json.loads(done.out)["back_test"]
    y = seqrt.load("f.onnx").predict([height[:, None].astype(np.float32)])[0]
    y = y[49:78].reshape(29, 2, 3)
    truth = np.stack([height[50:79], height[51:80]], axis=1)
    covered = (y[..., 0] <= truth) & (truth <= y[..., 2])
    assert test["origins"] == 29
    error = np.abs(y[..., 1] - truth).mean()
    assert test["forecasters"]["model"]["figures"]["MAE"] == pytest.approx(error, rel=1e-6)
    figures = test["intervals"]["levels"]["80"]["figures"]
    assert figures["coverage"] == pytest.approx(covered.mean())
    assert figures["width"] == pytest.approx((y[..., 2] - y[..., 0]).mean(), rel=1e-6)
