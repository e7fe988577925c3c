"""Several targets of a wide table: one forecaster, and the commands that read the table again."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from seqrt import Model

ROWS, HORIZON = 60, 3
QUICK = ("--horizon", HORIZON, "--epochs", 1, "--units", 4)


def cells():
    """Return days, a holiday and two targets, the second of which begins with row 5."""
    rng = np.random.default_rng(0)
    days = (np.datetime64("2024-01-01") + np.arange(ROWS)).astype(str).tolist()
    week = np.sin(2 * np.pi * np.arange(ROWS) / 7)
    a = [f"{v:.3f}" for v in 10 + 3 * week + 0.1 * rng.normal(size=ROWS)]
    b = [f"{v:.2f}" for v in 500 - 90 * week + rng.normal(size=ROWS)]
    b[:5] = [""] * 5
    return days, [str(i % 2) for i in range(ROWS)], b, a


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with a wide table, the same as a long one, and a model of each."""
    from seqrt.cli import main

    where = tmp_path_factory.mktemp("wide")
    days, holiday, b, a = cells()
    rows = list(zip(days, holiday, b, a, strict=True))
    wide = ["day,holiday,b,a", *(",".join(row) for row in rows)]
    long = ["day,holiday,variable,value"]
    for name, place in (("b", 2), ("a", 3)):
        long += [f"{row[0]},{row[1]},{name},{row[place]}" for row in rows if row[place]]
    (where / "wide.csv").write_text("\n".join(wide) + "\n")
    (where / "long.csv").write_text("\n".join(long) + "\n")
    for data, words in (
        ("wide", ("--target", "b,a", "--levels", "80")),
        ("long", ("--target", "value", "--series", "variable", "--levels", "80")),
    ):
        train = ("train", where / f"{data}.csv", *words, *QUICK, "-o", where / data)
        for command in (train, ("export", where / data, "-o", where / f"{data}.onnx")):
            with pytest.raises(SystemExit) as left:
                main([str(word) for word in command])
            assert left.value.code == 0
    return where


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def table(text):
    return list(csv.DictReader(text.splitlines()))


def numbers(text):
    """Return the cells of a CSV file as numbers; a date is read as that of its digits."""
    rows = list(csv.reader(text.splitlines()))[1:]
    return np.array([[float(cell) for cell in row] for row in rows])


def test_it_trains_the_forecaster_that_the_long_table_trains(folder):
    nets = [Model(folder / f"{name}.onnx") for name in ("wide", "long")]
    assert nets[0].manifest.wide == ("b", "a")
    assert nets[0].manifest.series == ("variable",)
    x = np.random.default_rng(0).normal(size=(2, 20, 2)).astype(np.float32)
    np.testing.assert_array_equal(*(net.predict(x) for net in nets))


def test_training_names_the_targets_and_their_series(run, tmp_path):
    done = run("train", "wide.csv", "--target", "b,a", *QUICK, "-o", tmp_path / "run")
    assert "forecast b, a 3 steps ahead" in done.err
    assert "2, told apart by target: a, b" in done.err
    assert "forecaster" in done.err
    assert "1 of 2 targets begins after the first row: b" in done.err
    assert re.search(
        r"forecasts of 3 rows, the first from 2024-.* on, the last from 2024", done.err
    )
    assert re.search(r"the network counts \d+ % in a forecast, its linear part \d+ %\n", done.err)


def test_what_follows_the_export_of_a_forecaster_is_a_forecast(run, tmp_path):
    done = run("export", "wide", "-o", tmp_path / "wide.onnx")
    assert done.err.endswith("next        seqrt forecast DATA\n")


def test_a_forecast_has_a_column_for_each_target_with_the_numbers_of_the_long_table(run):
    wide = table(run("forecast", "wide.csv", "-m", "wide.onnx").out)
    assert list(wide[0]) == ["day", "b", "b-lo-80", "b-hi-80", "a", "a-lo-80", "a-hi-80"]
    long = table(run("forecast", "long.csv", "-m", "long.onnx").out)
    for name in ("a", "b"):
        own = [row for row in long if row["variable"] == name]
        assert [row[name] for row in wide] == [row["value"] for row in own]
        assert [row[f"{name}-hi-80"] for row in wide] == [row["value-hi-80"] for row in own]


def test_a_model_of_a_wide_table_reads_a_long_one_too(run):
    done = [run("forecast", "long.csv", "-m", f"{name}.onnx").out for name in ("wide", "long")]
    assert done[0] == done[1]


def test_streaming_gives_what_predict_gives(run, monkeypatch, folder):
    run("predict", "wide.csv", "-m", "wide.onnx", "-o", "whole.csv")
    with open(folder / "wide.csv", "rb") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("sys.stdin.buffer", stdin, raising=False)
        streamed = run("stream", "wide.onnx").out
    whole = (folder / "whole.csv").read_text()
    np.testing.assert_array_equal(numbers(streamed), numbers(whole.replace("-", ""))[:, 1:])


def test_predictions_may_be_an_array(run, folder):
    run("predict", "wide.csv", "-m", "wide.onnx", "-o", "whole.csv")
    run("predict", "wide.csv", "-m", "wide.onnx", "-o", "whole.npy")
    y = np.load("whole.npy")
    assert y.shape == (1, ROWS, 2 * HORIZON * 3)
    assert np.isnan(y[0, :5, :3]).all()
    assert not np.isnan(y[0, 5:]).any()


def test_a_program_forecasts_wide_columns_as_the_command_does(run):
    days, holiday, b, a = cells()
    columns = {"b": [float(v or "nan") for v in b], "a": [float(v) for v in a], "day": days}
    columns["holiday"] = [float(v) for v in holiday]
    model = Model("wide.onnx")
    after = model.forecast(columns, levels=[80])
    assert after.targets == ("b", "a")
    rows = table(run("forecast", "wide.csv", "-m", "wide.onnx").out)
    for k, name in enumerate(after.targets):
        wanted = np.array([row[name] for row in rows], np.float32)
        np.testing.assert_allclose(after.point[0, :, k], wanted, rtol=1e-6)
    assert model.forecast([columns, columns]).point.shape == (2, HORIZON, 2)
    assert model.encode({name: each[5:] for name, each in columns.items()}).shape == (2, 55, 2)


def test_evaluate_judges_each_target_as_a_series(run):
    done = [
        run("evaluate", f"{name}.csv", "-m", f"{name}.onnx", "--json") for name in ("wide", "long")
    ]
    wide, long = (json.loads(each.out) for each in done)
    assert wide["back_test"] == long["back_test"]
    assert wide["series"].keys() == {"a", "b"}


def test_evaluate_judges_the_targets_that_are_named(run):
    done = [
        run("evaluate", "wide.csv", "-m", "wide.onnx", "--json", *words)
        for words in ((), ("--target", "a"), ("--target", "day"))
    ]
    both, one = (json.loads(each.out)["back_test"]["forecasters"]["model"] for each in done[:2])
    assert one["figures"]["MASE"] == both["series"]["a"]["MASE"]
    assert "--target must be among the targets of the model, b, a, got 'day'" in done[2].err


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        ("day,holiday,b,c", 3, "must have the columns that the model forecasts, b, a, but lacks a"),
        ("day,holidays,b,a", 3, "has no column 'holiday'; it has day, holidays, b, a"),
    ],
)
def test_a_column_that_is_missing_is_named(run, folder, header, code, message):
    text = (folder / "wide.csv").read_text().replace("day,holiday,b,a", header)
    (folder / "other.csv").write_text(text)
    done = run("forecast", "other.csv", "-m", "wide.onnx")
    assert done.code == code
    assert message in done.err


@pytest.mark.parametrize(
    "words", [("--recipe", "plain"), ("--window", 7), ("--missing", "mean"), ("--features", "b")]
)
def test_other_networks_read_windows_as_before(run, tmp_path, folder, words):
    text = "\n".join(
        line.replace(",,", ",1,") for line in (folder / "wide.csv").read_text().split()
    )
    (tmp_path / "full.csv").write_text(text)
    path = tmp_path / "run"
    sizes = ("--horizon", HORIZON, "--epochs", 1)
    done = run("train", tmp_path / "full.csv", "--target", "b,a", *sizes, *words, "-o", path)
    assert "from windows of" in done.err


def test_what_is_no_number_cannot_be_one_of_several_targets(run, folder):
    lines = (folder / "wide.csv").read_text().split()
    lines = [f"{line},{'words' if i else 'c'},{'' if i else 'd'}" for i, line in enumerate(lines)]
    (folder / "odd.csv").write_text("\n".join(lines))
    assert "column 'c' of odd.csv holds 'words'" in run("train", "odd.csv", "--target", "a,c").err
    assert "column 'd' of odd.csv has no values" in run("train", "odd.csv", "--target", "a,d").err


def test_one_target_that_ends_earlier_is_forecast_from_its_own_end(run, folder):
    lines = (folder / "wide.csv").read_text().split()
    lines[-2:] = [",".join([*line.split(",")[:3], ""]) for line in lines[-2:]]
    (folder / "closed.csv").write_text("\n".join(lines) + "\n")
    rows = table(run("forecast", "closed.csv", "-m", "wide.onnx").out)
    assert rows[0]["day"] == lines[-2].split(",")[0]
    known = [[row[name] != "nan" for row in rows] for name in ("a", "b")]
    assert known == [[True, True, True, False, False], [False, False, True, True, True]]


SHOP_ROWS = 40


def shops():
    """Return a wide table of two shops whose holidays are planned three rows ahead."""
    days = (np.datetime64("2024-01-01") + np.arange(SHOP_ROWS + 3)).astype(str).tolist()
    rng = np.random.default_rng(1)
    for shop, level in (("North", 100), ("South", 10)):
        for i, day in enumerate(days):
            sold = (
                [f"{level * each:.2f}" for each in 2 + rng.random(2)] if i < SHOP_ROWS else ["", ""]
            )
            yield shop, day, *sold, str(i % 3 // 2)


def test_shops_with_a_plan_are_forecast_and_streamed_as_the_long_table_is(
    run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rows, names = list(shops()), ("bread", "milk")
    wide = ["shop,day,bread,milk,holiday", *(",".join(row) for row in rows)]
    long = ["shop,day,variable,value,holiday"]
    for k, name in enumerate(names):
        long += [f"{row[0]},{row[1]},{name},{row[2 + k]},{row[4]}" for row in rows]
    (tmp_path / "wide.csv").write_text("\n".join(wide) + "\n")
    (tmp_path / "long.csv").write_text("\n".join(long) + "\n")
    words = ("--future", "holiday", *QUICK)
    for data, own in (
        ("wide", ("--target", "bread,milk", "--series", "shop")),
        ("long", ("--target", "value", "--series", "shop,variable")),
    ):
        assert run("train", f"{data}.csv", *own, *words, "-o", data).code == 0
        assert run("export", data, "-o", f"{data}.onnx").code == 0
    found = [
        table(run("forecast", f"{data}.csv", "-m", f"{data}.onnx").out) for data in ("wide", "long")
    ]
    for name in names:
        own = [row for row in found[1] if row["variable"] == name]
        assert [row[name] for row in found[0]] == [row["value"] for row in own]
    assert [row["shop"] for row in found[0]] == ["North"] * HORIZON + ["South"] * HORIZON

    run("predict", "wide.csv", "-m", "wide.onnx", "-o", "whole.csv")
    whole = table((tmp_path / "whole.csv").read_text())
    ahead = [f"holiday+{k}" for k in (1, 2, 3)]
    lines = [",".join(["shop,bread,milk,holiday", *ahead])]
    for first in (0, SHOP_ROWS + 3):
        for i in range(first, first + SHOP_ROWS):
            known = [rows[i + k][4] for k in (1, 2, 3)]
            lines.append(",".join([rows[i][0], *rows[i][2:], *known]))
    (tmp_path / "lines.csv").write_text("\n".join(lines) + "\n")
    with (tmp_path / "lines.csv").open("rb") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("sys.stdin.buffer", stdin, raising=False)
        streamed = table(run("stream", "wide.onnx").out)
    for name in ("bread+1", "milk+3"):
        assert [row[name] for row in streamed] == [row[name] for row in whole]
