"""Problems of tables of texts: their columns, tokens, vocabulary, split and notes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqrt.errors import InputError, UsageError
from seqrt.text.vocabulary import vocabulary_of
from seqrt.training import prepare
from seqrt.training.problems.split import Fold

GOOD = [f"what a good film {word}" for word in "abcdefghij"]
BAD = [f"a bad film it is {word}" for word in "klmnopqrst"]
ROWS = [("pos", text) for text in GOOD] + [("neg", text) for text in BAD]


@pytest.fixture
def table(tmp_path):
    """Write rows as a .csv file with quotes around every cell; return its path."""

    def write(rows, names=("label", "review"), name="reviews.csv"):
        cell = '"{}"'.format
        lines = [",".join(cell(str(each).replace('"', '""')) for each in row) for row in rows]
        path = tmp_path / name
        path.write_text("\n".join([",".join(names), *lines, ""]), encoding="utf-8")
        return str(path)

    return write


def texts_in(part, problem):
    names = ("?", *problem.metadata.text.vocabulary)
    return [" ".join(names[i] for i in ids[:, 0]) for ids in part.x]


def test_a_column_of_texts_beside_labels_is_found_and_said(table):
    problem = prepare(table(ROWS), target="label")

    assert problem.metadata.task == "classify"
    assert problem.metadata.classes == ("neg", "pos")
    assert problem.metadata.text.column == "review"
    assert problem.metadata.text.kind == "words"
    assert problem.notes[0] == "review holds texts, which are read token by token"


def test_the_target_is_the_only_other_column(table):
    problem = prepare(table(ROWS))

    assert problem.metadata.targets == ("label",)
    assert problem.notes[0].endswith("; label is the target")


def test_the_vocabulary_is_of_the_training_part_alone(table):
    problem = prepare(table(ROWS), min_count=1)
    trained = texts_in(problem.train, problem)

    assert problem.metadata.text.vocabulary == vocabulary_of(trained, min_count=1)
    assert all("?" not in text for text in trained)
    assert all(text.endswith("?") for text in texts_in(problem.validation, problem))
    assert any("unknown are 0.0% of the words in training and 18.2% in" in n for n in problem.notes)


def test_the_folds_of_a_committee_have_one_vocabulary_of_all_texts(table):
    path = table(ROWS)
    folds = [prepare(path, val=Fold(i, 4), min_count=1) for i in range(1, 5)]

    every = prepare(path, val=0.0, min_count=1).metadata.text
    assert all(fold.metadata.text == every for fold in folds)
    judged = sorted(text for fold in folds for text in texts_in(fold.validation, fold))
    assert judged == sorted(text for _, text in ROWS)


def test_the_split_has_as_much_of_each_class(table):
    problem = prepare(table(ROWS), val=0.2)

    assert sorted(problem.validation.y.tolist()) == ["neg", "neg", "pos", "pos"]


def test_names_and_codes_are_read_as_bytes(table):
    problem = prepare(table([("it", "Rossi"), ("se", "Berg")] * 1 + [("it", "Bo ë"), ("se", "X")]))

    assert problem.metadata.text.kind == "bytes"
    ids = sorted(
        bytes((x[:, 0] - 1).tolist()).decode() for x in [*problem.train.x, *problem.validation.x]
    )
    assert ids == ["Berg", "Bo ë", "Rossi", "X"]


def test_rows_without_text_or_target_are_left_out_and_counted(table):
    none = [("none", "a b c"), ("none", "none of these")]
    rows = [*ROWS, ("pos", " "), ("", "no label at all"), ("", ""), *none]

    problem = prepare(table(rows), text="review", target="label")

    assert "3 rows are left out: 2 without a text and 1 without a target" in problem.notes
    assert problem.metadata.classes == ("neg", "none", "pos")


def test_few_whole_numbers_are_classes_and_others_are_learnt_as_numbers(table):
    stars = [(i % 5 + 1, f"a text of number {i}") for i in range(40)]
    prices = [(i * 0.37, f"a text of number {i}") for i in range(40)]

    assert prepare(table(stars), target="label").metadata.classes == (1, 2, 3, 4, 5)
    assert prepare(table(stars), text="review", task="regress").metadata.task == "regress"
    assert prepare(table(prices), text="review", target="label").metadata.task == "regress"


def test_a_table_of_numbers_with_a_column_of_text_is_still_forecast(table):
    rows = [(i * 7 % 11 + 0.5, f"a remark of day {i}") for i in range(60)]

    problem = prepare(table(rows, ("sales", "remark")))

    assert problem.metadata.task == "forecast"
    assert problem.metadata.text is None


def test_dated_rows_with_few_whole_numbers_are_still_forecast(table):
    days = [(month, day) for month in (1, 3) for day in range(1, 32)]
    rows = [(f"2024-{m:02}-{d:02}", f"a remark of day {d} in {m}", d % 3) for m, d in days]
    path = table(rows, ("day", "remark", "sold"))

    assert prepare(path, target="sold", window=3).metadata.task == "forecast"
    assert prepare(path, target="sold", val=0.0).metadata.task == "forecast"
    assert prepare(path, target="sold", text="remark").metadata.task == "classify"


def test_features_beside_a_text_are_not_guessed_away(table):
    rows = [(label, text, i * 0.7) for i, (label, text) in enumerate(ROWS * 3)]

    problem = prepare(table(rows, ("label", "review", "size")), target="label", window=3)

    assert problem.metadata.text is None


def test_texts_in_both_parts_are_warned_of(table):
    problem = prepare(table([("a", "one two three"), ("b", "four five six")] * 5), text="review")

    assert (
        "warning: 2 of the 2 texts for validation are also among those trained on"
        in (problem.notes[-1])
    )


def test_each_text_of_a_folder_has_the_class_of_its_folder(tmp_path):
    for label, text in ROWS:
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{text[-1]}.txt").write_text(text, encoding="utf-8")

    problem = prepare(str(tmp_path))

    assert problem.metadata.classes == ("neg", "pos")
    assert (len(problem.train), len(problem.validation)) == (16, 4)


def tagged(tmp_path, rows):
    path = tmp_path / "tags.jsonl"
    lines = [json.dumps({"words": words, "tags": tags}) for words, tags in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_lists_of_words_and_of_labels_are_tagged_token_by_token(tmp_path):
    rows = [(["In", "the", "U.S."], ["O", "O", "LOC"])] * 4 + [([], [])]

    problem = prepare(tagged(tmp_path, rows), target="tags", val=0.25)

    assert (problem.metadata.task, problem.head, problem.activation) == (
        "tag",
        "sequence",
        "softmax",
    )
    assert texts_in(problem.validation, problem) == ["in the u . s ."]
    assert problem.validation.y[0].tolist() == ["O", "O", "LOC", "LOC", "LOC", "LOC"]
    assert "12 tokens are further parts of words, with the same labels" in problem.notes


def test_texts_with_spaces_between_words_and_between_labels_can_be_tagged(table):
    rows = [("O O LOC", "in the Alps")] * 4

    problem = prepare(table(rows, ("tags", "text")), text="text", target="tags", task="tag")

    assert problem.train.y[0].tolist() == ["O", "O", "LOC"]


@pytest.mark.parametrize(
    ("words", "tags", "said"),
    [
        (["a", "b"], ["O"], r"E_INPUT_SHAPE: .*line 2, column 'tags': .* 2 words and 1 labels"),
        (["a"], ["O"], "all 5 labels are 'O'"),
    ],
)
def test_labels_that_do_not_fit_their_words_are_named(tmp_path, words, tags, said):
    rows = [(["a"], ["O"]), (words, tags), *[(["a"], ["O"])] * 3]

    with pytest.raises(InputError, match=said):
        prepare(tagged(tmp_path, rows), target="tags")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "reviw"}, "has no column 'reviw'.*Did you mean 'review'"),
        ({"text": "review", "target": "review"}, "must be different columns, got 'review'"),
        ({"text": "review", "window": 3}, "--window does not apply to texts"),
        ({"text": "review", "missing": "mean"}, "--missing does not apply to texts"),
        ({"tokens": "words", "features": ("label",)}, "--tokens applies to texts, but .* is not"),
        ({"text": "review", "tokens": "chars"}, "tokens must be words or bytes, got 'chars'"),
        ({"text": "review", "min_count": 0}, "min_count must be at least 1, got 0"),
        ({"text": "review", "task": "forecast"}, "task forecast does not apply to texts"),
        ({"text": "review", "task": "tag", "tokens": "bytes"}, "need --tokens words"),
        ({"text": "label", "target": "review"}, "20 different cells .* are hardly labels"),
    ],
)
def test_options_that_do_not_fit_are_refused(table, options, said):
    with pytest.raises(UsageError, match=said):
        prepare(table(ROWS), **options)


def test_no_word_that_occurs_often_enough_is_an_error_with_its_mends(table):
    with pytest.raises(InputError, match=r"^E_INPUT_EMPTY: .* at least 99 times .*--min-count 1"):
        prepare(table(ROWS), min_count=99)


def test_several_columns_of_text_have_to_be_told_apart(table):
    rows = [(label, text, text[::-1]) for label, text in ROWS]

    with pytest.raises(UsageError, match=r"several columns of text: review, body.* --text review"):
        prepare(table(rows, ("label", "review", "body")), target="label")


def test_ids_share_one_array_between_the_parts(table):
    problem = prepare(table(ROWS))

    assert problem.train.x.values is problem.validation.x.values
    assert problem.train.x.values.dtype == np.int32


@pytest.mark.parametrize("options", [{"target": ("label",)}, {"task": "classify"}])
def test_texts_without_labels_have_to_get_some(tmp_path, options):
    (tmp_path / "x.txt").write_text("one text\nanother\n" * 99, encoding="utf-8")

    with pytest.raises(UsageError, match=r"holds texts without labels\. Put the files into a"):
        prepare(str(tmp_path / "x.txt"), **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tokens": "words"}, "a language model reads bytes, got --tokens words"),
        ({"min_count": 3}, "a language model reads bytes, got --min-count"),
        ({"window": 3}, "table options do not apply .*--window"),
    ],
)
def test_options_of_words_do_not_apply_to_a_language_model(tmp_path, options, said):
    (tmp_path / "x.txt").write_text("one text\nanother\n" * 99, encoding="utf-8")

    with pytest.raises(UsageError, match=said):
        prepare(str(tmp_path / "x.txt"), **options)
