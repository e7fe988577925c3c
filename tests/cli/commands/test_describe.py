"""`seqrt describe`: what is understood of a file, and the command that it suggests."""

from __future__ import annotations

import json
import shlex
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

FIRST = date(2023, 1, 1)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a table of three stores that have a week of seven days, and a gap."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for k, store in enumerate(("web", "north", "south")):
        for i in range(120):
            day = FIRST + timedelta(days=i)
            sales = 50 * k + (9, 8, 7, 8, 9, 2, 1)[i % 7] + i % 3
            price = "" if i == 17 else f"{9 + i % 4}"
            if not 60 <= i < 65:
                rows.append(f"{day},{store},{sales},{price},{day:%a},n{k}-{i}")
    Path("sales.csv").write_text("\n".join(["date,store,sales,price,weekday,note", *rows]) + "\n")
    return tmp_path


@pytest.fixture
def moves():
    """Sequences of 3 to 8 steps with a label each."""
    lengths = np.arange(30) % 6 + 3
    x = np.random.default_rng(0).normal(size=(lengths.sum(), 2)).astype(np.float32)
    np.savez("moves.npz", x=x, lengths=lengths, y=np.array(["up", "down", "up"] * 10))
    return "moves.npz"


def described(run, *words):
    done = run("describe", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


# Tables


def test_it_says_what_it_understood_of_a_table(run):
    lines = run("describe", "sales.csv").out.splitlines()

    assert lines[:4] == [
        "data        sales.csv: a table of 345 rows, 6 columns",
        "series      3 told apart by store (north, south, web), of 115 rows",
        "time        date: from 2023-01-01 to 2023-04-30, step 1 day",
        "note        3 gaps, the longest of 5 days after 2023-03-01 (line 176); no window reaches"
        " over them",
    ]
    assert "price    feature             numbers from 9 to 12, mean 10.5175; 3 missing" in lines
    assert lines[-4:-1] == [
        "note        season 7: rows after which sales repeats",
        "train       seqrt train sales.csv --target sales --series store --missing forward",
        "also        --categories weekday to make features of text",
    ]


def test_every_column_is_accounted_for(run):
    found = described(run, "sales.csv")["columns"]

    assert {name: each["use"] for name, each in found.items()} == {
        "date": "time",
        "store": "series",
        "sales": "target and feature",
        "price": "feature",
        "weekday": "left out",
        "note": "left out",
    }
    assert found["note"]["reason"] == "text with 345 values"
    assert (found["price"]["missing"], found["price"]["low"], found["price"]["high"]) == (3, 9, 12)
    assert found["weekday"]["distinct"] == 7


def test_numbers_with_signs_are_left_out_with_what_to_do(run):
    rows = [f"2024-01-{day:02},{day}%,({day}.5),{day % 4}" for day in range(1, 29)]
    Path("a.csv").write_text("date,share,profit,n\n" + "\n".join(rows) + "\n")

    told = run("describe", "a.csv").out

    assert "1%, 2%, 3%, ...; write the numbers without a sign\n" in told
    assert "(3.5), ...; write negative numbers with a hyphen before them, such as -1.5\n" in told
    assert "--categories" not in told


def test_a_column_of_clock_times_is_time(run):
    rows = [f"2024-01-{day:02},{hour:02}:00,{hour % 5}" for day in (1, 2, 3) for hour in range(24)]
    Path("a.csv").write_text("Date,Time,load\n" + "\n".join(rows) + "\n")

    found = described(run, "a.csv")

    assert {name: each["use"] for name, each in found["columns"].items()} == {
        "Date": "time",
        "Time": "time",
        "load": "target and feature",
    }
    assert "--categories" not in found["suggested"]["command"]


@pytest.mark.parametrize("option", ["--target", "--features", "--categories", "--future"])
def test_a_column_that_does_not_exist_is_named_with_the_nearest(run, option):
    done = run("describe", "sales.csv", option, "sale")

    assert (done.code, done.out) == (2, "")
    assert "sales.csv has no column 'sale'" in done.err
    assert "Did you mean 'sales'?" in done.err


def test_gaps_have_a_place(run):
    time = described(run, "sales.csv")["time"]

    assert (time["column"], time["written"], time["step"]) == ("date", "iso", "1 day")
    assert time["gaps"] == 3
    assert {"time": "2023-03-01", "line": 61} in time["gaps_after"]


@pytest.mark.parametrize(
    "extra", [(), ("--target", "price", "--window", "5"), ("--calendar", "weekday")]
)
def test_the_command_that_it_suggests_trains(run, extra):
    command = described(run, "sales.csv", *extra)["suggested"]["command"]

    words = shlex.split(command)[1:]
    done = run(*words, "--units", "2", "--epochs", "1")

    assert done.code == 0, done.err
    assert all(word in words for word in extra)


def test_names_that_need_quotes_are_quoted(run):
    rows = "\n".join(f"{i},{i % 4}" for i in range(80))
    Path("my data.csv").write_text(f'"wind, speed",load\n{rows}\n')

    command = described(run, "my data.csv", "--features", '"wind, speed"')["suggested"]["command"]

    assert run(*shlex.split(command)[1:], "--units", "2", "--epochs", "1").code == 0


def test_what_would_stop_training_is_said_and_the_rest_is_shown_all_the_same(run):
    text = Path("sales.csv").read_text().replace("2023-01-09,web,10,9", "2023-01-09,web,many,9")
    Path("sales.csv").write_text(text)

    done, trained = run("describe", "sales.csv"), run("train", "sales.csv", "--series", "store")
    found = described(run, "sales.csv")

    assert done.code == 0
    assert "problem     E_INPUT_CELL: sales.csv, line 10, column 'sales': " in done.out
    assert "store    series" in done.out
    assert found["problem"].startswith("E_INPUT_CELL")
    assert found["suggested"] is None
    assert trained.code == 2


def test_a_series_has_its_season_and_no_window_but_one_that_is_given(run):
    Path("hours.csv").write_text("\n".join(["kW", *(str(i % 24) for i in range(500))]) + "\n")

    found = described(run, "hours.csv")["suggested"]
    assert (found["season"], found["window"]) == (24, None)
    assert described(run, "hours.csv", "--window", "6")["suggested"]["window"] == 6


def test_labels_in_a_table_have_a_window_of_the_season(run):
    rows = "\n".join(f"{i % 24},{'day' if 6 < i % 24 < 20 else 'night'}" for i in range(500))
    Path("lamp.csv").write_text(f"lux,lamp\n{rows}\n")

    command = described(run, "lamp.csv", "--target", "lamp")["suggested"]["command"]

    assert command == "seqrt train lamp.csv --target lamp --window 24"


def test_the_command_for_a_short_table_trains(run):
    Path("few.csv").write_text("kW\n" + "\n".join(str(i * i) for i in range(12)) + "\n")

    command = described(run, "few.csv")["suggested"]["command"]

    assert run(*shlex.split(command)[1:], "--units", "2", "--epochs", "1").code == 0


def test_several_files_are_described_together(run):
    for name, first in (("north", 0), ("south", 3)):
        rows = "\n".join(f"{FIRST + timedelta(days=i)},{(i + first) % 7}" for i in range(60))
        Path(f"{name}.csv").write_text(f"day,load\n{rows}\n")

    found = described(run, "north.csv", "south.csv")
    done = run("train", "north.csv", "south.csv", "--target", "lod")

    assert found["series"]["names"] == ["north", "south"]
    command = found["suggested"]["command"]
    assert command == "seqrt train north.csv south.csv --target load"
    assert run(*shlex.split(command)[1:], "--units", "2", "--epochs", "1").code == 0
    assert done.err.endswith(" See: seqrt describe north.csv south.csv\n")


def test_rows_whose_target_is_empty_are_a_plan(run):
    rows = [
        f"{FIRST + timedelta(days=i)},{i % 3 % 2},{i % 9 if i < 95 else ''}" for i in range(100)
    ]
    Path("plan.csv").write_text("\n".join(["day,promo,y", *rows]) + "\n")

    command = described(run, "plan.csv")["suggested"]["command"]

    assert command.endswith(" --target y --future promo --horizon 5")
    assert run(*shlex.split(command)[1:], "--units", "2", "--epochs", "1").code == 0


def test_a_table_without_times_has_its_target_in_the_last_column(run):
    rows = "\n".join(f"{i % 7},{'ab'[i % 2]}" for i in range(60))
    Path("ways.csv").write_text(f"size,way\n{rows}\n")

    suggested = described(run, "ways.csv")["suggested"]

    assert (suggested["task"], suggested["target"]) == ("classify", ["way"])
    assert suggested["classes"] == ["a", "b"]
    assert suggested["reasons"][0] == "way is a guess at the target: name another with --target"


# Sequences


def test_sequences_have_lengths_features_and_labels(run, moves):
    lines = run("describe", moves).out.splitlines()
    found = described(run, moves)

    assert (
        lines[0] == "data        moves.npz: 30 sequences of 3 to 8 steps (median 5.5), 2 features"
    )
    assert "targets     y per sequence: 2 labels: down (10), up (20)" in lines
    assert lines[-1] == "train       seqrt train moves.npz"
    assert found["steps"] == {"shortest": 3, "median": 5.5, "longest": 8}
    assert found["targets"] == {"per": "sequence", "labels": {"down": 10, "up": 20}}
    assert found["suggested"]["classes"] == ["down", "up"]


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.eye(3, dtype=int)[np.arange(9) % 3], "3 labels: 0 (3), 1 (3), 2 (3)"),
        (np.arange(9) % 2 * 1.0, "2 labels: 0 (5), 1 (4)"),
        (np.arange(9) / 7, "y is a number per sequence, from 0 to 1.14286"),
    ],
    ids=["one-hot", "floats", "numbers"],
)
def test_targets_are_labels_or_numbers(run, y, says):
    np.savez("y.npz", x=np.random.default_rng(0).normal(size=(9, 4, 1)).astype("f4"), y=y)

    assert says in run("describe", "y.npz").out


def test_sequences_without_targets_are_described_and_the_problem_is_named(run):
    np.savez("bare.npz", x=np.ones((4, 5, 1), np.float32), lengths=np.full(4, 5))

    done = run("describe", "bare.npz")

    assert done.code == 0
    assert "targets     none: there is no y in the file" in done.out
    assert "problem     these sequences have no targets y" in done.out


# Pictures


@pytest.mark.parametrize("source", ["sales.csv", "moves.npz", "flat.npy", "ways.csv"])
def test_it_draws_what_it_describes(run, moves, source):
    np.save("flat.npy", np.arange(40.0))
    rows = "\n".join(f"{i},{'ab'[i % 2]}" for i in range(40))
    Path("ways.csv").write_text(f"x,class\n{rows}\n")

    done = run("describe", source, "--plot", "picture.png")

    assert done.code == 0, done.err
    assert Path("picture.png").stat().st_size > 5_000
    assert done.err == "picture: picture.png\n"


def test_a_picture_that_cannot_be_written_is_refused_before_the_work(run):
    done = run("describe", "sales.csv", "--plot", "picture.jpg")

    assert done.code == 2
    assert "--plot must name a file that ends in .png, got 'picture.jpg'" in done.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "E_INPUT_EMPTY: bare.csv has names of columns, but no rows."),
        ("a,b\n,\n,\n", "bare.csv has several columns that could be the target: a, b."),
        ("a,b\nx,u\ny,v\n", "bare.csv has several columns that could be the target: a, b."),
    ],
)
def test_a_table_without_numbers_has_a_problem_and_no_picture(run, text, says):
    Path("bare.csv").write_text(text)

    done = run("describe", "bare.csv", "--plot", "picture.png")

    assert done.code == 0
    assert f"problem     {says}" in done.out
    assert done.err == "picture: none, because there are no numbers to draw\n"
    assert described(run, "bare.csv")["suggested"] is None


def test_sequences_with_missing_values_are_given_a_policy(run):
    x = np.ones((9, 4, 1), np.float32)
    x[2, 1] = np.nan
    np.savez("gaps.npz", x=x, y=np.arange(9) / 7)

    assert described(run, "gaps.npz")["suggested"]["command"].endswith(" --missing forward")


def test_a_file_without_sequences_is_described(run):
    np.savez("none.npz", x=np.zeros((0, 4, 2), np.float32), y=np.zeros(0))

    assert described(run, "none.npz")["sequences"] == 0
    assert run("describe", "none.npz").out.startswith("data        none.npz: no sequences\n")


# The next step


@pytest.mark.parametrize(
    "words",
    [
        ("sales.csv", "--series", "store"),
        ("sales.csv", "--series", "store", "--target", "sale"),
        ("sales.csv",),
        ("sales.csv", "--series", "store", "--target", "sales", "--window", "500"),
        ("sales.csv", "--series", "store", "--target", "price"),
    ],
    ids=["no target", "no such column", "no series", "long window", "missing values"],
)
def test_a_refusal_about_the_data_names_describe(run, words):
    done = run("train", *words)

    assert done.code in (2, 3)
    assert done.err.endswith(" See: seqrt describe sales.csv\n")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", [("sales.csv", "--units", "0"), ("none.csv",)])
def test_other_errors_do_not(run, words):
    done = run("train", *words)

    assert done.code in (2, 3)
    assert "describe" not in done.err


def test_counters_are_shown_as_they_are_and_one_hot_labels_by_column(run):
    x = 1_000_000_000 + np.arange(30 * 4).reshape(30, 4, 1)
    np.savez("count.npz", x=x, y=np.eye(3)[np.arange(30) % 2])

    page = run("describe", "count.npz").out

    assert "x0          from 1000000000 to 1000000119, mean 1000000059.5\n" in page
    assert "y per sequence: 2 labels: 0 (15), 1 (15)\n" in page
