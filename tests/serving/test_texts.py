"""A model of text answers texts as it answers their ids, and refuses what it would misread."""

from __future__ import annotations

import numpy as np
import pytest
from served import tensor

TEXTS = ["not a good film!", "bad", "naïve naïve film"]


def texts(*rows):
    return tensor("text", list(rows), "BYTES")


@pytest.fixture
def words(serve):
    return serve("format2/words")


def test_texts_are_answered_as_predict_answers_them(words):
    answer = words.infer(inputs=[texts(*TEXTS)])

    np.testing.assert_array_equal(answer.array(), words.model.predict(TEXTS))


def test_texts_may_have_a_column_and_come_as_raw_bytes(words):
    column = texts(*TEXTS) | {"shape": [3, 1]}
    items = [b"not a good film!", b"\xff good", "naïve".encode()]
    raw = b"".join(len(item).to_bytes(4, "little") + item for item in items)
    sized = {"parameters": {"binary_data_size": len(raw)}}
    binary = {"name": "text", "datatype": "BYTES", "shape": [3]} | sized

    np.testing.assert_array_equal(words.infer(inputs=[column]).array(), words.model.predict(TEXTS))
    np.testing.assert_array_equal(
        words.infer(inputs=[binary], raw=raw).array(), words.model.predict(items)
    )


def test_a_sequence_of_bytes_keeps_its_state(serve):
    client = serve("text/bytes")
    stream = client.model.stream()

    for part in ("a", "b\nc"):
        turn = {"sequence_id": 7, "sequence_start": part == "a"}
        answer = client.infer(inputs=[texts(part)], parameters=turn)
        np.testing.assert_array_equal(answer.array()[0], stream.push(part))


@pytest.mark.parametrize(
    ("inputs", "rest", "why"),
    [
        ([texts("good", "")], {}, "text[1] has no tokens"),
        ([texts("good"), tensor("lengths", [1], "INT32")], {}, "either text, or x and lengths"),
        ([texts("a b") | {"shape": [1, 1, 1]}], {}, "shape of text must be [rows]"),
        ([texts("good") | {"data": [3]}], {}, "must be texts"),
        ([texts("good") | {"datatype": "FP32"}], {}, "datatype of text must be one of BYTES"),
        ([texts("good")], {"parameters": {"sequence_id": 1}}, "in the middle of a word"),
        ([], {}, "the input text or x"),
    ],
)
def test_what_would_be_misread_is_refused(words, inputs, rest, why):
    answer = words.infer(inputs=inputs, **rest)

    assert answer.status == 400
    assert why in answer.record["error"]


@pytest.mark.parametrize("raw", [b"", b"\x09\0\0\0good", b"\x04\0\0\0good\0", b"\0\0"])
def test_raw_texts_that_are_cut_are_refused(words, raw):
    sized = {"parameters": {"binary_data_size": len(raw)}}
    answer = words.infer(
        inputs=[{"name": "text", "datatype": "BYTES", "shape": [1]} | sized], raw=raw
    )

    assert answer.status == 400
    assert "must have 1 items" in answer.record["error"]


def test_a_model_of_numbers_takes_no_texts(client):
    answer = client.infer(inputs=[texts("good")])

    assert answer.status == 400
    assert "the inputs of this model are x" in answer.record["error"]


def test_the_metadata_name_the_input_of_texts(words):
    inputs = {each["name"]: each for each in words.get("/v2/models/net").record["inputs"]}

    assert inputs["text"] == {"name": "text", "datatype": "BYTES", "shape": [-1], "optional": True}
    assert inputs["x"]["optional"]


def test_the_client_of_triton_sends_texts(words):
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    remote = triton.InferenceServerClient(f"{words.host}:{words.port}")
    given = triton.InferInput("text", [3], "BYTES")
    given.set_data_from_numpy(np.array([text.encode() for text in TEXTS], object))

    answer = remote.infer("net", [given])

    remote.close()
    np.testing.assert_array_equal(answer.as_numpy("y"), words.model.predict(TEXTS))
