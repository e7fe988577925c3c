"""From files to problems: what is asked, what is kept for validation, what is learnt of scaling."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from seqrt.contract import Input
from seqrt.errors import InputError, SeqrtError, UsageError
from seqrt.training import prepare


def heights(path) -> np.ndarray:
    return np.array([float(line.split(",")[1]) for line in path.read_text().split()[1:]])


@pytest.fixture
def archive(tmp_path):
    """Write an .npz and return its path."""

    def write(name="data.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


def test_a_forecast_sees_a_window_and_answers_the_values_that_follow(series_csv):
    values = heights(series_csv)

    problem = prepare(series_csv, target="height", features="height", window=6, horizon=3, val=0.3)

    assert problem.metadata.task == "forecast"
    assert np.asarray(problem.train.x).shape == (70 - 6 - 3 + 1, 6, 1)
    np.testing.assert_allclose(problem.train.x[5][:, 0], values[5:11])
    np.testing.assert_allclose(problem.train.y[5], values[11:14])
    np.testing.assert_allclose(problem.train.known[5], [values[10]] * 3)
    assert problem.train.when[5] == 1911
    assert [column.name for column in problem.metadata.outputs] == [
        f"height+{i}" for i in (1, 2, 3)
    ]


def test_a_forecast_uses_every_column_of_numbers_but_the_time(series_csv):
    problem = prepare(series_csv, target="height", window=6)

    assert [column.name for column in problem.metadata.features] == ["height", "weekday"]


def test_several_targets_are_forecast_step_by_step(series_csv):
    problem = prepare(series_csv, target=("height", "weekday"), window=6, horizon=2)

    names = [column.name for column in problem.metadata.outputs]
    assert names == ["height+1", "weekday+1", "height+2", "weekday+2"]
    np.testing.assert_allclose(problem.train.y[0][[1, 3]], [6, 0])
    np.testing.assert_allclose(problem.train.known[0], problem.train.x[0][-1][[0, 1, 0, 1]])


@pytest.mark.parametrize(("window", "horizon"), [(1, 1), (6, 1), (6, 5), (24, 1)])
def test_the_two_parts_of_a_series_share_no_row(window, horizon, tmp_path):
    path = tmp_path / "count.npy"
    np.save(path, np.arange(200.0))

    problem = prepare(path, window=window, horizon=horizon)

    parts = [set(np.ravel(p.x)) | set(np.ravel(p.y)) for p in (problem.train, problem.validation)]
    assert parts[0] == set(range(160))
    assert parts[1] == set(range(160, 200))


def test_scaling_and_ranges_are_learnt_from_the_training_part_alone(series_csv):
    values = heights(series_csv)[:80]

    problem = prepare(series_csv, target="height", window=6)

    for column in (problem.metadata.features[0], problem.metadata.outputs[0]):
        assert column.mean == pytest.approx(values.mean())
        assert column.scale == pytest.approx(values.std())
        assert (column.low, column.high) == (values.min(), values.max())


def test_a_span_keeps_the_rows_between_two_times(series_csv):
    problem = prepare(series_csv, target="height", window=6, span=("1910", "1959"), val=0)

    assert problem.train.when[0] == 1916
    assert problem.train.when[-1] == 1959
    assert problem.validation is None


def test_words_in_a_table_are_classified_from_the_window_before(series_csv):
    problem = prepare(series_csv, target="way", window=6)

    assert problem.metadata.task == "classify"
    assert problem.metadata.classes == ("down", "up")
    assert [column.name for column in problem.metadata.features] == ["height", "weekday"]
    assert problem.train.y[0] == series_csv.read_text().split()[6].split(",")[2]
    assert problem.activation == "softmax"


def test_a_regression_takes_the_other_columns(series_csv):
    problem = prepare(series_csv, task="regress", target="height", window=6)

    assert [column.name for column in problem.metadata.features] == ["weekday"]
    np.testing.assert_allclose(problem.train.y[:, 0], heights(series_csv)[5:80])


def test_every_row_of_a_table_is_tagged_once(series_csv):
    problem = prepare(series_csv, task="tag", target="way", window=30)

    assert problem.head == "sequence"
    assert [len(x) for x in problem.train.x] == [30, 30, 20]
    assert len(problem.train.truth) == 80


def test_one_series_needs_no_options(tmp_path):
    np.save(tmp_path / "series.npy", np.sin(np.arange(200.0)))

    problem = prepare(tmp_path / "series.npy")

    assert (problem.metadata.task, problem.metadata.window, problem.metadata.horizon) == (
        "forecast",
        24,
        1,
    )
    assert problem.metadata.name == "series"
    digest = hashlib.sha256((tmp_path / "series.npy").read_bytes()).hexdigest()
    assert problem.metadata.data_sha256 == digest


@pytest.mark.parametrize("name", ["mackey-glass", "sine-mix"])
def test_a_built_in_series_stands_where_a_file_could(name):
    first, same, other = prepare(name), prepare(name), prepare(name, seed=1)

    assert first.metadata.task == "forecast"
    np.testing.assert_array_equal(first.train.x, same.train.x)
    assert first.metadata.data_sha256 == same.metadata.data_sha256 != other.metadata.data_sha256


@pytest.mark.parametrize(
    ("y", "per_step", "task", "activation", "classes"),
    [
        (np.tile(["a", "b"], 10), False, "classify", "softmax", ("a", "b")),
        (np.tile([7, 3], 10), False, "classify", "softmax", (3, 7)),
        (np.tile([True, False], 10), False, "classify", "softmax", (0, 1)),
        (np.linspace(0, 1, 20), False, "regress", "none", ()),
        (np.ones((20, 3)), False, "regress", "none", ()),
        (np.tile([0, 1, 2, 3], (20, 1)), True, "tag", "softmax", (0, 1, 2, 3)),
        (np.tile([0, 1], (20, 4, 3, 1))[..., 0], True, "tag", "sigmoid", ()),
        (np.ones((20, 4)), True, "regress", "none", ()),
    ],
)
def test_the_task_is_told_from_the_answers(y, per_step, task, activation, classes, archive, rng):
    path = archive(x=rng.random((20, 4, 2)), y=y)

    problem = prepare(path)

    assert (problem.metadata.task, problem.activation) == (task, activation)
    assert problem.metadata.classes == classes
    assert problem.head == ("sequence" if per_step else "last")
    assert len(problem.train) == 16
    assert len(problem.validation) == 4


def test_whole_numbers_as_fractions_are_labels_when_asked(archive, rng):
    path = archive(x=rng.random((20, 4, 2)), y=np.tile([1.0, 2.0], 10))

    problem = prepare(path, task="classify")

    assert problem.metadata.classes == (1, 2)


def test_every_class_gives_its_share_to_validation(archive):
    y = np.repeat(["often", "rare"], [40, 10])
    x = np.arange(50.0).repeat(3).reshape(50, 3, 1)

    problem = prepare(archive(x=x, y=y))

    assert sorted(problem.validation.y) == ["often"] * 8 + ["rare"] * 2
    parts = [{row[0, 0] for row in part.x} for part in (problem.train, problem.validation)]
    assert parts[0].isdisjoint(parts[1])
    assert parts[0] | parts[1] == set(range(50))


def test_sequences_are_drawn_by_the_seed(archive):
    path = archive(x=np.arange(50.0).reshape(50, 1, 1), y=np.zeros(50))

    first, same, other = (prepare(path, seed=seed) for seed in (0, 0, 1))

    drawn = [[row[0, 0] for row in problem.validation.x] for problem in (first, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_padding_never_comes_in(archive, rng):
    x = rng.random((20, 9, 1)).astype(np.float32)
    lengths = rng.integers(1, 9, 20)
    for row, end in zip(x, lengths, strict=True):
        row[end:] = 1e9

    problem = prepare(archive(x=x, y=np.zeros(20), lengths=lengths))

    assert problem.metadata.features[0].high < 1
    assert sum(map(len, [*problem.train.x, *problem.validation.x])) == lengths.sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"several columns that could be the target: height, way, weekday\. .*--target height"),
        ({"target": "hight"}, "Did you mean 'height'"),
        ({"target": "height", "window": 0}, "window must be at least 1 row, got 0"),
        ({"target": "height", "horizon": 0}, "horizon must be at least 1 row, got 0"),
        (
            {"target": "height", "window": 100},
            "need 101 rows, but the data has 100. Use",
        ),
        ({"target": "height", "window": 60}, "need 61 rows in each part, but the data has 100"),
        ({"target": "height", "val": 1.0}, "val must be a share from 0 to below 1, got 1"),
        ({"target": "height", "val": -0.1}, "val must be a share from 0 to below 1, got -0.1"),
        ({"target": "height", "span": ("2050", None)}, "has no rows from 2050"),
        ({"target": "way", "task": "forecast"}, "E_INPUT_CELL: .*line 2.*'up'"),
        (
            {"target": ("way", "weekday"), "task": "classify"},
            "classify needs one target, or columns of 0 and 1 .* got way, weekday",
        ),
        ({"target": "height", "task": "divine"}, "task must be one of forecast, regress"),
    ],
)
def test_a_question_without_sense_is_refused_in_one_sentence(options, message, series_csv):
    with pytest.raises(SeqrtError, match=message):
        prepare(series_csv, **options)


@pytest.mark.parametrize(
    ("arrays", "options", "error", "message"),
    [
        ({}, {}, UsageError, "these sequences have no targets y"),
        (
            {"y": np.arange(20)},
            {},
            UsageError,
            "20 different whole numbers in 20 rows, which could be labels",
        ),
        (
            {"y": np.zeros(20)},
            {"window": 3},
            UsageError,
            "table options do not apply to sequences with targets, got --window",
        ),
        ({"y": np.zeros(20)}, {"task": "forecast"}, UsageError, "forecast needs one long series"),
        ({"y": np.zeros(20)}, {"task": "tag"}, UsageError, "task tag does not fit y"),
        ({"y": np.full(20, 0.5)}, {"task": "classify"}, UsageError, "y has fractions"),
        ({"y": np.full(20, "a")}, {"task": "regress"}, UsageError, "y is text"),
        ({"y": np.full(20, np.nan)}, {}, InputError, "E_INPUT_NONFINITE: y must be finite"),
        ({"y": np.zeros(20), "lengths": np.zeros(20, int)}, {}, InputError, "has no steps"),
        ({"y": np.zeros(20), "val": 0.01}, {}, InputError, "E_INPUT_MEMBERS"),
        (
            {"y": np.zeros(20)},
            {"val": 0.01},
            UsageError,
            "validation must get at least one sequence",
        ),
    ],
)
def test_sequences_that_cannot_be_learnt_are_refused(arrays, options, error, message, archive):
    x = np.random.default_rng(0).random((20, 4, 2))

    with pytest.raises(error, match=message):
        prepare(archive(x=x, **arrays), **options)


def test_nan_in_a_sequence_is_refused_at_the_door(archive, rng):
    x = rng.random((20, 4, 2))
    x[3, 2, 1] = np.nan

    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: .*x\[item 3, step 2, feature 1\]"):
        prepare(archive(x=x, y=np.zeros(20)))


def test_an_array_of_no_sequences_is_refused(archive):
    with pytest.raises(InputError, match="E_INPUT_EMPTY: there must be at least one sequence"):
        prepare(archive(x=np.zeros((0, 4, 2)), y=np.zeros(0)))


def test_a_counter_in_sequences_is_shifted_and_the_manifest_says_by_how_much(archive):
    x = np.zeros((20, 4, 2), np.int64)
    x[:, :, 0] = 1_000_000_000 + np.arange(80).reshape(20, 4)

    problem = prepare(archive(x=x, y=np.zeros(20)))

    assert problem.metadata.inputs == (Input("x0", offset=1_000_000_000), Input("x1"))
    assert problem.metadata.features[0].high < 80
    assert problem.notes == (
        "subtracted, because float32 rounds such numbers: 1,000,000,000 from x0",
    )


def test_channels_first_is_an_option_of_arrays_only(archive, rng, series_csv):
    x = rng.random((20, 9, 2)).astype(np.float32)
    wanted = prepare(archive(x=x, y=np.zeros(20)))

    path = archive("other.npz", x=x.transpose(0, 2, 1), y=np.zeros(20))
    problem = prepare(path, channels_first=True)

    np.testing.assert_array_equal(np.asarray(problem.train.x), np.asarray(wanted.train.x))
    for other in (series_csv, "adding"):
        with pytest.raises(UsageError, match="--channels-first is for"):
            prepare(other, channels_first=True)


# Series and times


def rows_of(path, *series, but=()):
    """Write a long table with twenty days of each series, or the number that it names."""
    lines = [
        f"{name},2024-01-{1 + i:02},{i % 5},{10 * i}"
        for name, count in series
        for i in range(count)
        if i not in but
    ]
    path.write_text("\n".join(["shop,date,promo,y", *lines]) + "\n")
    return path


def test_windows_and_the_split_stay_inside_a_series(tmp_path):
    path = rows_of(tmp_path / "shops.csv", ("a", 20), ("b", 20), ("c", 4))

    problem = prepare(path, series="shop", target="y", window=4)

    assert problem.keys == (("a",), ("b",), ("c",))
    assert problem.train.series.tolist() == [0] * 11 + [1] * 11
    assert problem.validation.series.tolist() == [0, 1]
    assert problem.notes[0] == ("1 of 3 series is left out, with fewer than 5 rows in a run: c")
    assert problem.metadata.series == ("shop",)
    assert problem.metadata.time.step == "1 day"


def test_the_columns_unique_id_ds_and_y_need_no_options(tmp_path):
    path = rows_of(tmp_path / "long.csv", ("a", 20), ("b", 20))
    path.write_text(path.read_text().replace("shop,date", "unique_id,ds", 1))

    problem = prepare(path, window=4)

    assert problem.targets == ("y",)
    assert problem.metadata.series == ("unique_id",)
    assert [column.name for column in problem.metadata.features] == ["promo", "y"]


def test_forward_fills_gaps_of_a_quarter_of_the_window(tmp_path):
    path = rows_of(tmp_path / "gap.csv", ("a", 20), but=(8,))

    cut = prepare(path, target="y", window=4, val=0.0)
    filled = prepare(path, target="y", window=4, val=0.0, missing="forward")

    assert len(cut.train) == 4 + 7
    # a window from every row, but for those whose target is missing
    assert len(filled.train) == 16 - 1
    assert "1 gap is filled with 1 row of missing values" in filled.notes


def test_no_run_of_a_window_is_one_error_that_names_the_longest(tmp_path):
    path = rows_of(tmp_path / "gaps.csv", ("a", 20), but=range(0, 20, 4))

    with pytest.raises(InputError, match=r"^E_INPUT_SHORT: .* 5 rows without a gap"):
        prepare(path, target="y", window=4, val=0.0)
