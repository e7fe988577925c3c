"""`seqrt stream` with models of text: a line in, a line out."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

import seqrt
from seqrt.text.tokenizer import Tokenizer


@pytest.fixture
def stream(run, monkeypatch, text_models):
    """Call `seqrt stream` with these bytes as stdin."""

    def call(content, name="words", *words):
        stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content)), isatty=lambda: False)
        monkeypatch.setattr("sys.stdin", stdin)
        return run("stream", text_models / f"{name}.onnx", *words)

    return call


def test_each_line_is_answered_by_its_label_and_the_probability_of_that(stream, text_models):
    done = stream(b"A good film\n\nthe caf\xc3\xa9\r\nlast")

    model = seqrt.load(text_models / "words.onnx")
    encode = Tokenizer(model.manifest.text).encode
    lines = done.out.split("\n")
    assert (done.code, len(lines), lines[1], lines[4]) == (0, 5, "", "")
    for line, text in zip(
        (lines[0], *lines[2:4]), ("a good film", "the café", "last"), strict=True
    ):
        label, probability = line.split("\t")
        y = model.predict([encode(text)])[0]
        assert (label, np.float32(probability)) == (("neg", "pos")[y.argmax()], y.max())


def test_json_is_answered_in_json_with_the_probability_of_each_class(stream):
    content = (
        b'{"id": 1, "review": "bad film"}\n"bad film"\nbad film\n"bad" film\n{"review": " "}\n'
    )

    done = stream(content)

    first, second, third, fourth, fifth = done.out.splitlines()
    found = json.loads(first)
    assert first == second
    assert list(found) == ["label", "probability", "probabilities"]
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert third == f"{found['label']}\t{found['probability']}"
    assert not fourth.startswith("{")
    assert fifth == "null"


def test_tags_are_a_label_for_each_token(stream):
    done = stream(b'the film!\n"bad"\n', "tags")

    first, second = done.out.splitlines()
    assert len(first.split()) == 3
    assert len(json.loads(second)["labels"]) == 1


def test_lines_before_one_that_is_wrong_are_answered(stream):
    done = stream(b'good\n{"revew": "x"}\nbad\n')

    assert done.code == 3
    assert done.out.count("\n") == 1
    assert "E_INPUT_FORMAT: stdin, line 2: the object must have the key 'review', got revew" in (
        done.err
    )


def test_many_lines_are_answered_in_their_order(stream):
    done = stream(b"".join(b"good\n" if i % 3 else b"bad film !\n" for i in range(1000)))

    lines = done.out.splitlines()
    assert len(lines) == 1000
    assert [line == lines[0] for line in lines] == [i % 3 == 0 for i in range(1000)]


def test_a_language_model_and_states_are_refused(stream):
    book = stream(b"x\n", "book")
    saved = stream(b"x\n", "words", "--save", "s.state", "--key", "id")

    assert "use seqrt generate" in book.err
    assert "--key, --save do not apply to texts" in saved.err
    assert (book.code, saved.code) == (2, 2)
