"""Targets of a table that are classes: text, booleans, one-hot, whole numbers on request."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import Column, Manifest
from seqrt.contract.manifest import Layer
from seqrt.data import Timeline, read
from seqrt.data.serving import labelled
from seqrt.errors import InputError, UsageError
from seqrt.metrics import measure
from seqrt.training import prepare
from seqrt.training.problems.split import Fold

ROWS = 60
OPTIONS = {"window": 3}


@pytest.fixture
def table(tmp_path):
    """Write a table with a column x of numbers and others as given; return its path."""

    def write(name="table.csv", **columns):
        x = np.random.default_rng(0).random(len(next(iter(columns.values()))))
        rows = zip(map("{:.4f}".format, x), *columns.values(), strict=True)
        lines = [",".join(("x", *columns)), *(",".join(map(str, row)) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


def states(text: str) -> list[str]:
    return list(text * ROWS)[:ROWS]


def one_hot() -> dict[str, list[int]]:
    kind = np.arange(ROWS) % 3
    return {name: (kind == i).astype(int).tolist() for i, name in enumerate(("sun", "rain", "ice"))}


def test_a_boolean_is_classified_and_a_whole_number_is_a_quantity(table):
    path = table(on=[i % 3 == 0 for i in range(ROWS)], count=[i % 3 for i in range(ROWS)])

    flag, quantity = (prepare(path, target=name, **OPTIONS) for name in ("on", "count"))

    assert (flag.metadata.task, flag.metadata.classes) == ("classify", ("False", "True"))
    assert (
        "on holds False and True: taken as classes; --task regress learns them as numbers"
        in flag.notes
    )
    assert quantity.metadata.task == "forecast"


def test_text_that_hardly_repeats_is_no_label_unless_it_is_called_one(table):
    path = table(part=[f"t{i}" for i in range(ROWS)])

    with pytest.raises(UsageError, match=r"'part' of .* has 60 different cells in 60 rows"):
        prepare(path, target="part", **OPTIONS)
    assert len(prepare(path, target="part", task="classify", **OPTIONS).metadata.classes) == ROWS


def test_numbers_with_a_sign_are_no_labels(table):
    path = table(price=[f"${i % 3}.50" for i in range(ROWS)])

    with pytest.raises(InputError, match=r"E_INPUT_CELL: .* line 2, column 'price': .*'\$0.50'"):
        prepare(path, target="price", **OPTIONS)


def test_a_table_without_rows_is_named_as_one(tmp_path):
    (tmp_path / "names.csv").write_text("date,x\n")

    with pytest.raises(InputError, match=r"E_INPUT_EMPTY: .* has names of columns, but no rows"):
        prepare(tmp_path / "names.csv")


def test_an_empty_target_is_named_as_one(table):
    path = table(y=[""] * ROWS)

    with pytest.raises(InputError, match=r"60 of 60 rows have no value\). Name another column"):
        prepare(path, target="y", **OPTIONS)


@pytest.mark.parametrize("written", ["{}", "{}.0"])
def test_whole_numbers_are_integer_classes_on_request(written, table):
    path = table(kind=[written.format(i % 3) for i in range(ROWS)])

    problem = prepare(path, target="kind", task="classify", **OPTIONS)

    assert problem.metadata.classes == (0, 1, 2)
    assert not [note for note in problem.notes if "classes" in note]


def test_one_hot_columns_are_classes_of_their_names(table):
    path = table(**one_hot())
    target = ("sun", "rain", "ice")

    problem = prepare(path, target=target, **OPTIONS)

    assert (problem.metadata.task, problem.activation) == ("classify", "softmax")
    assert problem.metadata.classes == problem.metadata.targets == target
    assert [column.name for column in problem.metadata.features] == ["x"]
    assert problem.train.truth[:4].tolist() == ["ice", "sun", "rain", "ice"]
    assert "sun, rain and ice are one-hot: taken as classes; --task changes that" in problem.notes


def test_one_hot_columns_may_be_learnt_in_other_ways(table):
    path, target = table(**one_hot()), ("sun", "rain", "ice")

    forecast, numbers, tags = (
        prepare(path, target=target, task=task, **OPTIONS)
        for task in ("forecast", "regress", "tag")
    )

    assert (forecast.activation, numbers.activation) == ("none", "none")
    assert (tags.activation, tags.metadata.classes) == ("softmax", target)
    assert tags.train.y[0].tolist() == ["sun", "rain", "ice"]


def test_columns_that_are_not_one_hot_are_forecast_or_tagged_one_by_one(table):
    columns = one_hot()
    columns["ice"][7] = 1 - columns["ice"][7]
    path, target = table(**columns), ("sun", "rain", "ice")

    assert prepare(path, target=target, **OPTIONS).metadata.task == "forecast"
    assert prepare(path, target=target, task="tag", **OPTIONS).activation == "sigmoid"
    with pytest.raises(UsageError, match=r"classify needs one target, or columns of 0 and 1"):
        prepare(path, target=target, task="classify", **OPTIONS)


def test_a_single_class_is_refused_by_column_and_name(table):
    with pytest.raises(
        InputError, match=r"^E_INPUT_LABEL: .*table\.csv, 'state' must hold at least two .* 'A'"
    ):
        prepare(table(state=states("A")), target="state", **OPTIONS)


def test_a_class_that_only_validation_has_is_a_warning(table):
    path = table(state=["A", "B"] * 24 + ["C"] * 12)

    problem = prepare(path, target="state", **OPTIONS)

    assert problem.notes[-1] == (
        "warning: the training part has no row of class 'C' (10 in validation), so the network"
        " cannot learn it"
    )


def test_folds_warn_one_by_one(table):
    path = table(state=["A", "B"] * 24 + ["C"] * 12)

    notes = [prepare(path, target="state", val=Fold(i, 3), **OPTIONS).notes for i in (1, 2, 3)]

    warned = [any("no row of class 'C'" in note for note in each) for each in notes]
    assert warned == [False, False, True]


# To evaluate a model on another table, its labels are read as those of training were


def truth(path, classes, targets):
    """Return the labels that a classifier is judged by."""
    manifest = Manifest(
        name="m",
        producer="seqrt",
        task="classify",
        head="last",
        activation="softmax",
        layers=(Layer("gru", 2),),
        features=(Column("x"),),
        outputs=tuple(Column(str(label)) for label in classes),
        classes=classes,
        targets=targets,
        window=3,
    )
    return labelled(Timeline.plain(read(path)), manifest).truth


@pytest.mark.parametrize(
    ("classes", "cells", "want"),
    [
        ((0, 1, 2), ["0.0", "1.0", "1"], [0, 1, 1]),
        ((0, 1, 2), ["0", "1", "D"], [0, 1, "D"]),
        (("1", "2", "x"), ["1", "2", "1"], ["1", "2", "1"]),
        (("007", "008"), ["007", "008", "007"], ["007", "008", "007"]),
        (("False", "True"), ["true", "FALSE", "True"], ["True", "False", "True"]),
        (("A", "B"), ["A", "D", "B"], ["A", "D", "B"]),
    ],
)
def test_labels_are_written_as_in_training(classes, cells, want, table):
    path = table(state=[cells[0], cells[0], *cells])

    assert truth(path, classes, ("state",)).tolist() == want


def test_an_unseen_label_is_named_whatever_the_others_are(table):
    path = table(state=["0", "0", "0", "1", "D"])

    with pytest.raises(InputError, match=r"^E_INPUT_LABEL: every label .* got 'D'"):
        measure("classify", truth(path, (0, 1), ("state",)), np.ones((3, 2)) / 2, (0, 1))


def test_one_hot_columns_are_read_as_labels_and_a_row_that_is_not_is_named(table):
    columns, names = one_hot(), ("sun", "rain", "ice")

    assert truth(table(**columns), names, names)[:2].tolist() == ["ice", "sun"]
    columns["sun"][4] = 1
    with pytest.raises(
        InputError, match=r"E_INPUT_LABEL: .*, sun, rain, ice must be one-hot.*; line 6 is"
    ):
        truth(table(**columns), names, names)
