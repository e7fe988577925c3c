"""Labels as people write them: which targets are classes, and which classes need a word."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.errors import InputError, UsageError
from seqrt.training import prepare
from seqrt.training.problems.labels import are_few_whole_numbers, class_notes, labels_of
from seqrt.training.problems.split import Fold

OVERRIDE = "--task regress learns them as numbers"


@pytest.fixture
def problem(tmp_path, rng):
    """Make the problem of 30 sequences of 4 steps with the targets `y`."""

    def make(y, **options):
        np.savez(tmp_path / "data.npz", x=rng.random((30, 4, 2)), y=y)
        return prepare(tmp_path / "data.npz", **options)

    return make


@pytest.mark.parametrize(
    ("y", "classes", "note"),
    [
        (np.arange(30) % 3.0, (0, 1, 2), "y holds 3 whole numbers"),
        (np.arange(30) % 3 - 1.0, (-1, 0, 1), "y holds 3 whole numbers"),
        ((np.arange(30) % 3.0)[:, None], (0, 1, 2), "y holds 3 whole numbers"),
        (np.arange(30) % 3 == 1, (0, 1), "y holds 2 whole numbers"),
        (np.arange(30) % 3, (0, 1, 2), "y holds 3 whole numbers"),
        (np.eye(5)[np.arange(30) % 3], (0, 1, 2, 3, 4), "y is one-hot"),
        (np.eye(3, dtype=np.int8)[np.arange(30) % 3], (0, 1, 2), "y is one-hot"),
        (np.eye(3, dtype=bool)[np.arange(30) % 3], (0, 1, 2), "y is one-hot"),
    ],
    ids=["floats", "negative", "a column", "booleans", "integers", "one-hot", "int8", "bool"],
)
def test_labels_in_numbers_are_classes_and_that_is_said(y, classes, note, problem):
    made = problem(y)

    assert (made.metadata.task, made.metadata.classes) == ("classify", classes)
    assert note in made.notes[0]
    assert made.notes[0].endswith("--task changes that" if "one-hot" in note else OVERRIDE)
    assert set(made.train.truth.tolist()) <= set(classes)


@pytest.mark.parametrize(
    ("y", "outputs"), [(np.arange(30) % 3.0, 1), (np.eye(3)[np.arange(30) % 3], 3)]
)
def test_task_regress_learns_them_as_numbers(y, outputs, problem):
    made = problem(y, task="regress")

    assert (made.metadata.task, made.metadata.classes) == ("regress", ())
    assert len(made.metadata.outputs) == outputs
    assert made.notes == ()


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.tile([0.0, 1.0, 1.0, 0.0], (30, 1)), (0, 1)),
        (np.tile(np.eye(3)[[0, 1, 2, 0]], (30, 1, 1)), (0, 1, 2)),
        (np.tile(np.eye(2, dtype=int)[[0, 1, 1, 0]], (30, 1, 1)), (0, 1)),
    ],
)
def test_so_they_are_at_every_step(y, classes, problem):
    made = problem(y)

    assert (made.metadata.task, made.activation) == ("tag", "softmax")
    assert made.metadata.classes == classes
    assert made.train.y[0].tolist() == [0, 1, *([2, 0] if len(classes) == 3 else [1, 0])]
    assert made.notes[0].partition(";")[2] in (f" {OVERRIDE}", " --task changes that")


@pytest.mark.parametrize(
    "y",
    [
        np.arange(30) / 2,
        np.arange(30.0),
        np.full(30, 2.0),
        np.tile([0.0, 0.5], 15),
        np.ones((30, 3)),
        np.random.default_rng(0).random((30, 3)),
    ],
    ids=["fractions", "many", "constant", "half", "ones", "columns"],
)
def test_all_other_numbers_are_learnt_as_numbers(y, problem):
    assert problem(y).metadata.task == "regress"


def test_several_flags_in_a_row_are_numbers_and_that_is_said(problem):
    y = np.stack([np.arange(30) % 2, np.arange(30) % 3 == 0], axis=1)

    made = problem(y)

    assert made.metadata.task == "regress"
    assert made.notes == (
        "y holds 2 columns of 0 and 1, but not a single 1 in every row: taken as numbers",
    )


def test_a_one_hot_label_with_as_many_classes_as_steps_is_pointed_out(problem):
    made = problem(np.eye(4)[np.arange(30) % 4])

    assert made.metadata.task == "tag"
    assert "if it is a one-hot label for each sequence, save y.argmax(axis=1)" in made.notes[1]


def test_text_needs_no_explanation(problem):
    assert problem(np.tile(["up", "down"], 15)).notes == ()


@pytest.mark.parametrize(
    ("y", "label"),
    [
        (np.full(30, "ok"), "'ok'"),
        (np.full(30, 7), "7"),
        (np.tile([0.0, 0.0, 1.0], (30, 1)), "2"),
    ],
)
def test_a_single_class_is_refused_by_name(y, label, problem):
    with pytest.raises(
        InputError, match=rf"^E_INPUT_LABEL: .* but all 30 labels are {label}: there is nothing"
    ):
        problem(y, task="classify")


def test_more_classes_per_row_than_one_are_not_classified(problem):
    with pytest.raises(UsageError, match=r"shape \(30, 2\) and is not one-hot"):
        problem(np.ones((30, 2), int), task="classify")


def test_a_class_of_one_sequence_is_trained_and_named(problem):
    y = np.where(np.arange(30) == 7, "rare", "often")

    for seed in range(4):
        made = problem(y, seed=seed)
        assert "rare" in made.train.truth
        assert made.notes == (
            "class 'rare' has one sequence, which is trained on and not validated",
        )


def test_a_fold_names_the_class_that_only_its_validation_part_has(problem):
    y = np.where(np.arange(30) == 7, "rare", "often")

    notes = [problem(y, val=Fold(number, 3)).notes for number in (1, 2, 3)]

    warning = "warning: the training part has no sequence of class 'rare' (1 in validation)"
    assert sum(any(note.startswith(warning) for note in each) for each in notes) == 1


def test_a_class_that_no_part_has_is_named_too():
    train, validation = np.array(["a", "b"]), np.array(["a", "c", "c"])

    notes = class_notes(("a", "b", "c", "d"), train, validation, "row")

    assert [note.partition(",")[0] for note in notes] == [
        "warning: the training part has no row of class 'c' (2 in validation)",
        "warning: the training part has no row of class 'd' (0 in validation)",
    ]


def test_many_notes_are_cut_short():
    train = np.arange(5)

    notes = class_notes(tuple(range(5, 15)), train, None, "row")

    assert len(notes) == 6
    assert notes[-1] == "5 more classes are like these"


def test_few_means_at_most_twenty_and_several_rows_for_each():
    assert are_few_whole_numbers(np.arange(60.0) % 20)
    assert not are_few_whole_numbers(np.arange(600.0) % 21)
    assert not are_few_whole_numbers(np.arange(10.0) % 5)
    assert not are_few_whole_numbers(np.array([0.0, 1.0, np.nan] * 10))
    assert not are_few_whole_numbers(np.zeros(0))


def test_one_hot_columns_of_a_table_are_classes_of_their_names():
    rows = np.eye(3)[[2, 0, 1, 2]]

    labels, classes = labels_of("y", rows, ("sun", "rain", "snow"))

    assert labels.tolist() == ["snow", "sun", "rain", "snow"]
    assert classes == ("sun", "rain", "snow")
