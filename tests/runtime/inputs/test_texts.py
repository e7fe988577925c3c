"""A model that reads text takes texts in lists, arrays and tables, and refuses anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.errors import InputError, UsageError

NETS = Path(__file__).parents[1] / "nets"
# good 1, bad 2, naïve 3, ! 4, film 5, not 6
TEXTS = ["A GOOD film!", "not bad", "", "naïve, naïve film"]
IDS = [[0, 1, 5, 4], [6, 2], [], [3, 0, 3, 5]]


@pytest.fixture
def words(load) -> seqrt.Model:
    return load("format2/words")


@pytest.fixture
def characters(load) -> seqrt.Model:
    return load("format2/characters")


def test_texts_are_answered_as_the_ids_of_their_tokens(words):
    assert [words.encode(text).tolist() for text in TEXTS] == IDS

    y = words.predict(TEXTS)

    np.testing.assert_array_equal(y, words.predict([np.array(ids, np.int64) for ids in IDS]))
    for texts in (tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object)):
        np.testing.assert_array_equal(words.predict(texts), y)
    np.testing.assert_array_equal(words.predict([text.encode() for text in TEXTS]), y)


def test_a_text_without_tokens_is_a_row_without_steps(words, characters):
    assert not words.predict(["", " \t\n"]).any()
    assert [len(row) for row in characters.predict(["", "ab"])] == [0, 2]


def test_an_output_for_each_byte_and_bytes_of_no_utf8(characters):
    (one, other) = characters.predict([b"\xff\x00a", "\udcff\0a"])

    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, characters.predict([[256, 1, 98]])[0])


def test_a_table_gives_the_ids_of_each_row(words):
    rows = words.encode({"review": ["not bad", None, float("nan"), b"good"], "stars": [1, 2, 3, 4]})

    assert [row.tolist() for row in rows] == [[6, 2], [], [], [1]]
    assert words.encode({"review": "not bad"})[0].tolist() == [6, 2]
    masked = np.ma.array(["bad", "?"], object, mask=[False, True])
    assert [row.tolist() for row in words.encode({"review": masked})] == [[2], []]


def test_batches_of_texts_are_answered_one_by_one(words):
    batches = [TEXTS[:2], TEXTS[2:]]

    found = list(words.predict_iter(batches))

    for y, batch in zip(found, batches, strict=True):
        np.testing.assert_array_equal(y, words.predict(batch))


def test_what_is_no_list_of_texts_is_refused_with_its_place(words, load):
    with pytest.raises(InputError, match=r"E_INPUT_TYPE: x must be a list of texts.* \[x\]\.$"):
        words.predict("not bad")
    with pytest.raises(InputError, match=r"x\[item 1\] must be text, .* got NoneType"):
        words.predict(["not bad", None])
    with pytest.raises(InputError, match=r"x\[item 0\] must be text, .* got list"):
        words.predict([[1, 2], "not bad"])
    with pytest.raises(InputError, match=r"columns\['review'\]\[1\] must be text, .* got int"):
        words.encode({"review": ["a", 5]})
    with pytest.raises(InputError, match=r"E_INPUT_COLUMN: columns must have 'review'"):
        words.encode({"text": ["a"]})
    for wrong in (["a"], None, 5):
        with pytest.raises(InputError, match="E_INPUT_TYPE: encode takes a text or a table"):
            words.encode(wrong)
    with pytest.raises(InputError, match="E_INPUT_LENGTHS"):
        words.predict(TEXTS, [1, 1, 0, 1])
    with pytest.raises(InputError, match="E_INPUT_TYPE"):
        load("lstm-last").predict(["not bad"])
    for use in (lambda m: m.tokenizer, lambda m: m.encode("not bad")):
        with pytest.raises(UsageError, match="only a model that reads text has a tokenizer"):
            use(load("lstm-last"))


def test_ids_of_the_caller_must_be_in_the_table_and_any_ids_are_unknown(words):
    x = np.array([[1, -1, 2], [7, 5, 2**40]])

    with pytest.raises(InputError, match=r"E_INPUT_RANGE: .* x\[item 0, step 1\] is -1"):
        words.predict(x)
    with pytest.raises(InputError, match=r"x\[item 0, step 0\] is 7\. Give words "):
        words.run(x[1:])
    np.testing.assert_array_equal(words.predict(x[:, :2], [1, 0]), words.predict([[1], []]))
    for got, want in zip(
        words.run(x, any_ids=True), words.run([[1, 0, 2], [0, 5, 0]]), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def test_ids_of_a_network_without_text_stay_in_its_table(load):
    with pytest.raises(InputError, match="E_INPUT_RANGE"):
        load("format2/tagger").run([[1, 11]], any_ids=True)


def test_a_model_that_reads_numbers_loads_no_tokenizer():
    code = (
        "import seqrt, sys; m = seqrt.load(sys.argv[1]); m.predict([[[1.0, 2.0]]]);"
        "m.stream().push([1.0, 2.0]); print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code, NETS / "lstm-last.onnx"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "seqrt.runtime.inputs.layout" in loaded
    assert not [name for name in loaded if name.startswith("seqrt.text") or "texts" in name]
