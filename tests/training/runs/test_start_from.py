"""Continuing a run with new data: what stays, what is widened, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from seqrt.errors import InputError, ModelError, UsageError
from seqrt.export import export
from seqrt.runtime import load
from seqrt.training import Plan, fit, load_run, predict, resume, start, train
from seqrt.training.runs.folder import START


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Runs are made in the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(series_csv):
    """The folder of a finished run, on a hundred years of a wave."""
    options = {"target": ("height",), "window": 8, "cell": "gru", "units": (6,), "lr": 1e-2}
    return str(train(Plan(str(series_csv), epochs=20, **options)).path)


@pytest.fixture
def newer(folder):
    """Write a short table with the columns of the first, its wave raised by `shift`."""

    def write(name="newer.csv", *, rows=40, shift=2.0, header="year,height,way,weekday"):
        wave = shift + 10 * np.sin(np.arange(100, 100 + rows) / 4.0)
        lines = [f"{2000 + i},{wave[i]:.4f},up,{i % 7}" for i in range(rows)]
        (folder / name).write_text("\n".join([header, *lines]) + "\n")
        return str(folder / name)

    return write


def plan_of(path):
    return tomllib.loads(Path(path, "run.toml").read_text())["plan"]


def trained(plan):
    run = start(plan)
    list(run)
    return run


def mse(run):
    judged = run.problem.judged
    return float(np.mean((predict(run.net, judged.x) - judged.truth) ** 2))


# What stays


def test_a_run_without_effect_predicts_what_the_first_one_predicts(run, newer):
    first, x = load_run(run), np.random.default_rng(0).normal(0, 5, (4, 12, 2)).astype(np.float32)

    after = load_run(train(Plan(newer(), start_from=run, lr=1e-30, epochs=2)).path)

    np.testing.assert_array_equal(predict(after, x), predict(first, x))


def test_everything_the_weights_depend_on_comes_from_the_run(run, newer):
    result = train(Plan(newer(), start_from=run, epochs=1))

    own, first = plan_of(result.path), plan_of(run)
    for name in ("task", "target", "features", "window", "horizon", "cell", "units", "missing"):
        assert own[name] == first[name]
    assert own["start_from"] == run
    assert "init" not in own
    assert "memory" not in own


def test_the_scaling_is_that_of_the_run_and_the_range_is_widened(run, newer):
    first = load_run(run)

    net = load_run(train(Plan(newer(shift=50.0), start_from=run, epochs=1)).path)

    for name in ("x_mean", "x_scale", "y_mean", "y_scale"):
        np.testing.assert_array_equal(getattr(net, name), getattr(first, name))
    before, after = first.metadata.features[0], net.metadata.features[0]
    assert (after.mean, after.scale, after.low) == (before.mean, before.scale, before.low)
    assert after.high == pytest.approx(60, abs=0.5)
    assert net.metadata.outputs[0].high == after.high


def test_the_weights_file_alone_will_do(run, newer):
    result = train(Plan(newer(), start_from=f"{run}/best.safetensors", epochs=1))

    assert plan_of(result.path)["units"] == [6]


# The rate


def test_the_rate_is_a_tenth_of_the_first_run_and_stays_there(run, newer):
    second = train(Plan(newer("b.csv"), start_from=run, epochs=1))
    third = train(Plan(newer("c.csv"), start_from=str(second.path), epochs=1))

    assert plan_of(second.path)["lr"] == plan_of(third.path)["lr"] == pytest.approx(1e-3)
    assert Plan(newer(), start_from=run, lr=0.5).lr == 0.5


# What it is good for


def test_with_few_rows_of_a_shifted_series_it_beats_the_run_and_a_new_network(folder, rng):
    for name, first, rows, shift in (("a.csv", 0, 300, 0), ("b.csv", 300, 48, 9)):
        wave = shift + 10 * np.sin(np.arange(first, first + rows) / 4) + rng.normal(size=rows)
        (folder / name).write_text("\n".join(["height", *map(str, wave)]) + "\n")
    options = {"window": 8, "cell": "gru", "units": (8,), "epochs": 30, "val": 0.4}
    run = str(trained(Plan("a.csv", lr=1e-2, **options)).path)

    same = mse(trained(Plan("b.csv", start_from=run, lr=1e-30, epochs=1, val=0.4)))
    continued = mse(trained(Plan("b.csv", start_from=run, epochs=30, val=0.4)))
    alone = mse(trained(Plan("b.csv", lr=1e-2, **options)))

    assert continued < 0.95 * same
    assert continued < alone / 2


# The digests


def test_the_file_names_the_data_of_every_run_before_it(run, newer, folder):
    second = train(Plan(newer("b.csv"), start_from=run, epochs=1))
    third = train(Plan(newer("c.csv", rows=50), start_from=str(second.path), epochs=1))

    export(load_run(third.path), folder / "model.onnx")

    digests = [load_run(path).metadata.data_sha256 for path in (run, second.path, third.path)]
    manifest = load(folder / "model.onnx").manifest
    assert manifest.data_sha256 == digests[2]
    assert manifest.earlier_data == tuple(digests[:2])


# Resuming


@pytest.mark.parametrize("epochs_before", [0, 1])
def test_an_interrupted_run_resumes_bit_for_bit_without_the_first_run(
    run, newer, folder, epochs_before
):
    plan = Plan(newer(), start_from=run, epochs=3)
    whole = train(plan)
    halted = start(plan)
    if not epochs_before:
        halted.stop()
    for _ in halted:
        halted.stop()
    (folder / run).rename(folder / "elsewhere")

    resumed = resume(halted.path)
    list(resumed)
    result = resumed.finish()

    ends = [(path / "best.safetensors").read_bytes() for path in (whole.path, result.path)]
    assert ends[0] == ends[1]
    assert not (result.path / START).exists()


# Labels and columns


def test_classes_stay_those_of_the_run_and_a_new_one_is_named(series_csv, newer, folder):
    options = {"target": ("way",), "window": 8, "cell": "gru", "units": (4,), "epochs": 1}
    first = str(train(Plan(str(series_csv), **options)).path)
    text = (folder / newer()).read_text().replace(",up,1", ",down,1")
    (folder / "fewer.csv").write_text(text)
    (folder / "other.csv").write_text(text.replace("up,2", "sideways,2"))

    assert load_run(first).metadata.classes == ("down", "up")
    assert load_run(train(Plan("fewer.csv", start_from=first, epochs=1)).path).metadata.classes == (
        "down",
        "up",
    )
    with pytest.raises(InputError, match=r"E_INPUT_LABEL: other.csv must .* got 'sideways'"):
        start(Plan("other.csv", start_from=first))


def test_a_missing_column_is_named(run, newer):
    source = newer(header="year,size,way,weekday")

    with pytest.raises(UsageError, match="has no column 'height'; it has year, size"):
        start(Plan(source, start_from=run))


def test_sequences_do_not_continue_a_run_of_windows(run, folder):
    np.savez("moves.npz", x=np.zeros((6, 5, 2), np.float32), y=np.arange(6) / 7)

    with pytest.raises(UsageError, match="do not apply to sequences"):
        start(Plan("moves.npz", start_from=run))


def test_sequences_of_other_features_are_refused(rng):
    np.savez("a.npz", x=rng.normal(size=(20, 5, 2)).astype(np.float32), y=rng.normal(size=20))
    np.savez("b.npz", x=rng.normal(size=(20, 5, 3)).astype(np.float32), y=rng.normal(size=20))
    first = str(train(Plan("a.npz", units=(4,), epochs=1)).path)

    wanted = r"E_INPUT_SHAPE: b.npz must .* features: x0, x1, got x0, x1, x2"
    with pytest.raises(InputError, match=wanted):
        start(Plan("b.npz", start_from=first))


# Options


def test_options_that_contradict_the_run_are_named_together(run, newer):
    with pytest.raises(UsageError) as refused:
        Plan(newer(), start_from=run, cell="lstm", window=9, init="torch")

    assert str(refused.value) == (
        f"--from keeps the settings of {run}, but --cell lstm (the run: gru),"
        " --window 9 (the run: 8), --init torch would change them. Drop them, or train a new"
        " network without --from."
    )


def test_options_that_agree_with_the_run_are_allowed(run, newer):
    assert Plan(newer(), start_from=run, cell="gru", units=(6,), window=8).units == (6,)


def test_folds_do_not_continue_a_run(run, newer):
    with pytest.raises(UsageError, match="--folds trains several"):
        Plan(newer(), start_from=run, folds=3)


def test_a_run_that_is_missing_or_a_model_is_named(newer, folder):
    with pytest.raises(UsageError, match="nowhere must be a run folder or its weights file"):
        Plan(newer(), start_from="nowhere")
    with pytest.raises(UsageError, match=r"m\.onnx is an exported model"):
        Plan(newer(), start_from="m.onnx")
    (folder / "w.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="E_RUN_DAMAGED"):
        Plan(newer(), start_from="w.safetensors")


# In Python


def test_fit_on_a_loaded_network_keeps_its_scaling_and_its_classes(run, waves):
    net = load_run(run)
    before = {name: value.clone() for name, value in net.named_buffers()}
    x = np.repeat(waves[0], 2, axis=2) + 1000

    list(fit(net, x, waves[1] + 1000, epochs=1, lr=1e-4))

    for name, value in net.named_buffers():
        np.testing.assert_array_equal(value, before[name])


def test_fit_on_a_loaded_classifier_takes_the_labels_of_the_run_and_no_others(ragged):
    x, y = ragged
    np.savez("a.npz", x=np.concatenate(x), lengths=[len(row) for row in x], y=y)
    net = load_run(trained(Plan("a.npz", units=(4,), epochs=1)).path)

    list(fit(net, x[:2], np.array(["up", "up"]), epochs=1, lr=1e-4))

    assert net.metadata.classes == ("down", "up")
    with pytest.raises(InputError, match="got 'sideways'"):
        fit(net, x[:2], np.array(["up", "sideways"]), epochs=1)


# Encoded columns


def test_categories_and_offsets_stay_those_of_the_run(folder):
    for name, ways, first in (("a.csv", "xyz", 20_000_000), ("b.csv", "xyw", 20_000_500)):
        rows = [f"{i % 7},{ways[i % 3]},{first + i}" for i in range(60)]
        (folder / name).write_text("\n".join(["size,way,counter", *rows]) + "\n")
    options = {"target": ("size",), "categories": ("way",), "window": 4, "units": (3,)}
    run = str(trained(Plan("a.csv", epochs=1, **options)).path)

    net = trained(Plan("b.csv", start_from=run, epochs=1)).net

    assert net.metadata.inputs == load_run(run).metadata.inputs
    by_column = {each.column: each for each in net.metadata.inputs}
    assert by_column["way"].levels == ("x", "y", "z")
    assert by_column["counter"].offset <= 20_000_000


# Columns become features as they did in the first training


def table_of(name, rows, start, days):
    """Write a table with a counter, a category and a boolean; return its path."""
    count = [start + 3 * i for i in range(rows)]
    lines = [f"{count[i]},{days[i % len(days)]},{i % 3 == 0},{i % 5}" for i in range(rows)]
    Path(name).write_text("\n".join(["count,day,open,y", *lines]) + "\n")
    return name


def test_a_counter_and_the_categories_of_a_table_are_those_of_the_run(folder):
    table_of("first.csv", 60, 1_000_000_000, ["mo", "tu"])
    options = {"target": ("y",), "features": ("count", "open"), "categories": ("day",)}
    first = train(Plan("first.csv", task="regress", window=4, units=(3,), epochs=1, **options)).path
    table_of("second.csv", 60, 1_000_000_300, ["mo", "we"])

    run = start(Plan("second.csv", start_from=str(first), epochs=1))

    old, new = load_run(first).metadata, run.problem.metadata
    assert new.inputs == old.inputs
    assert [column.name for column in new.features] == [
        *("count", "open", "day=mo", "day=tu", "day=other")
    ]
    np.testing.assert_array_equal(run.problem.train.x[0][:, 0], [300, 303, 306, 309])
    np.testing.assert_array_equal(run.problem.train.x[0][:2, 2:], [[1, 0, 0], [0, 0, 1]])


def test_the_counters_of_sequences_are_shifted_as_in_the_run(folder):
    x = 1_000_000_000 + np.arange(20 * 4).reshape(20, 4, 1)
    y = np.tile(["a", "b"], 10)
    np.savez("first.npz", x=x, y=y)
    np.savez("second.npz", x=x + 500, y=y)
    first = train(Plan("first.npz", units=(3,), epochs=1)).path

    run = start(Plan("second.npz", start_from=str(first), epochs=1))

    assert run.problem.metadata.inputs == load_run(first).metadata.inputs
    assert run.problem.train.x.values.min() == 500
    list(run)
    assert resume_of(run).problem.train.x.values.min() == 500


def resume_of(run):
    """Return the run as it is resumed after its last epoch."""
    return resume(run.path)


def test_labels_that_look_like_numbers_are_the_text_that_they_were(folder):
    table_of("first.csv", 60, 0, ["1", "2", "x"])
    table_of("second.csv", 60, 0, ["1", "2"])
    options = {"target": ("day",), "features": ("count",), "window": 4}
    first = train(Plan("first.csv", task="classify", units=(3,), epochs=1, **options)).path

    run = start(Plan("second.csv", start_from=str(first), epochs=1))

    assert run.problem.metadata.classes == ("1", "2", "x")
    assert set(run.problem.train.truth.tolist()) == {"1", "2"}
