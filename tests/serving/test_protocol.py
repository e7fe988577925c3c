"""The Open Inference Protocol v2: health, metadata, inference on batches."""

from __future__ import annotations

import numpy as np
import pytest
from served import tensor

from seqrt.serving.tensors import DTYPES


@pytest.mark.parametrize("path", ["health/live", "health/ready", "models/net/ready"])
def test_a_running_server_is_ready(client, path):
    assert client.get(f"/v2/{path}").status == 200


def test_the_server_names_what_it_can_do(client):
    record = client.get("/v2").record

    assert record["name"] == "seqrt"
    assert {"sequence", "sequence(string_id)", "binary_tensor_data"} <= set(record["extensions"])


@pytest.mark.parametrize("path", ["/v2/models/net", "/v2/models/net/versions/1"])
def test_the_metadata_has_the_tensors_of_the_file(client, path):
    record = client.get(path).record

    manifest = client.model.manifest
    shapes = {each["name"]: each["shape"] for each in record["inputs"] + record["outputs"]}
    assert record["name"] == "net"
    assert shapes == {
        "x": [-1, -1, len(manifest.features)],
        "lengths": [-1],
        "state": [-1, manifest.state_size],
        "y": [-1, len(manifest.outputs)],
        "state_out": [-1, manifest.state_size],
    }
    assert record["inputs"][0]["columns"] == [column.name for column in manifest.features]


def test_the_metadata_of_a_bidirectional_tagger_has_no_state(serve):
    record = serve("gru-bidirectional-sequence").get("/v2/models/net").record

    assert [each["name"] for each in record["inputs"]] == ["x", "lengths"]
    assert [each["shape"][:2] for each in record["outputs"]] == [[-1, -1]]


@pytest.mark.parametrize("net", ["lstm-last", "gru-sequence", "gru-bidirectional-sequence"])
def test_a_batch_gets_the_outputs_of_predict_bit_for_bit(serve, rng, net):
    client = serve(net)
    x = rng.standard_normal((4, 7, len(client.model.manifest.features))).astype(np.float32)
    lengths = np.array([7, 3, 1, 5], np.int32)

    whole = client.infer(x)
    ragged = client.infer(x, inputs=[tensor("lengths", lengths, "INT32")])

    np.testing.assert_array_equal(whole.array(), client.model.predict(x))
    np.testing.assert_array_equal(ragged.array(), client.model.predict(x, lengths))


def test_lengths_may_have_a_second_axis_as_in_triton(client, rng):
    x = rng.standard_normal((2, 5, len(client.model.manifest.features)))
    lengths = np.array([5, 2], np.int32)

    flat = client.infer(x, inputs=[tensor("lengths", lengths, "INT32")])
    column = client.infer(x, inputs=[tensor("lengths", lengths[:, None], "INT32")])

    assert flat.status == 200
    assert column == flat


def test_raw_tensors_and_json_give_the_same_bits(client, rng):
    x = rng.standard_normal((3, 4, len(client.model.manifest.features))).astype(np.float32)
    lengths = np.array([4, 2, 3], np.int32)
    inputs = [
        {"name": n, "datatype": kind, "shape": list(a.shape)}
        | {"parameters": {"binary_data_size": a.nbytes}}
        for n, kind, a in (("x", "FP32", x), ("lengths", "INT32", lengths))
    ]
    raw = x.tobytes() + lengths.tobytes()

    plain = client.infer(x, inputs=[tensor("lengths", lengths, "INT32")])
    binary = client.infer(inputs=inputs, raw=raw, parameters={"binary_data_output": True})
    mixed = client.infer(
        inputs=inputs, raw=raw, outputs=[{"name": "y", "parameters": {"binary_data": False}}]
    )

    assert plain.raw == b""
    assert len(binary.raw) == plain.array().nbytes
    np.testing.assert_array_equal(binary.array(), plain.array())
    np.testing.assert_array_equal(mixed.array(), plain.array())


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_numeric_datatype_is_read(client, datatype):
    x = np.array([[[0], [1], [2], [3]]]).repeat(len(client.model.manifest.features), 2)
    given = tensor("x", x, datatype)
    raw = x.astype(DTYPES[datatype]).tobytes()
    size = {"parameters": {"binary_data_size": len(raw)}}

    answer = client.infer(inputs=[given])
    del given["data"]
    binary = client.infer(inputs=[given | size], raw=raw)

    np.testing.assert_array_equal(answer.array(), client.model.predict(x))
    np.testing.assert_array_equal(binary.array(), answer.array())


def test_data_may_be_nested_as_its_shape(client, rng):
    x = rng.standard_normal((2, 3, len(client.model.manifest.features)))
    nested = tensor("x", x) | {"data": x.tolist()}

    assert client.infer(inputs=[nested]) == client.infer(x)


def test_the_id_of_a_request_is_given_back(client):
    x = np.zeros((1, 1, len(client.model.manifest.features)))

    assert client.infer(x, id="step 12").record["id"] == "step 12"
    assert "id" not in client.infer(x).record


def test_an_output_may_be_asked_for_by_the_name_of_its_column(serve, rng):
    client = serve("gru-norm-classes")
    manifest = client.model.manifest
    x = rng.standard_normal((3, 4, len(manifest.features)))
    names = [column.name for column in manifest.outputs]

    answer = client.infer(x, outputs=[{"name": name} for name in reversed(names)])

    assert [each["name"] for each in answer.record["outputs"]] == names[::-1]
    columns = np.stack([answer.array(name) for name in names], axis=-1)
    np.testing.assert_array_equal(columns, client.model.predict(x))


def test_a_forecaster_names_its_outputs_as_its_manifest_does(serve, rng):
    client = serve("forecast/two-targets")
    manifest = client.model.manifest
    x = rng.standard_normal((1, 30, len(manifest.features)))
    last = manifest.outputs[-1].name

    (y,) = (each for each in client.get("/v2/models/net").record["outputs"] if each["name"] == "y")
    answer = client.infer(x, outputs=[{"name": last}])

    assert y["columns"] == [column.name for column in manifest.outputs]
    np.testing.assert_array_equal(answer.array(last), client.model.predict(x)[..., -1])


def test_the_state_goes_in_and_comes_out_as_in_the_file(client, rng):
    model = client.model
    x = rng.standard_normal((2, 3, len(model.manifest.features))).astype(np.float32)
    y, end = model.run(x)
    later, _ = model.run(x, None, end)

    first = client.infer(x, outputs=[{"name": "y"}, {"name": "state_out"}])
    state = tensor("state", first.array("state_out"))
    second = client.infer(x, inputs=[state])

    np.testing.assert_array_equal(first.array(), y)
    np.testing.assert_array_equal(first.array("state_out"), end)
    np.testing.assert_array_equal(second.array(), later)


def test_several_outputs_come_by_name(serve):
    client = serve("format2/two-heads")
    manifest = client.model.manifest
    x = np.ones((2, 6, len(manifest.features)), np.float32)

    answer = client.infer(x)

    expected = client.model.predict(x)
    assert [each["name"] for each in answer.record["outputs"]] == list(expected)
    for name, y in expected.items():
        np.testing.assert_array_equal(answer.array(name), y)


def test_a_model_that_reads_tokens_takes_ids(serve):
    client = serve("format2/tagger")
    ids = np.array([[0, 1, 2], [2, 1, 0]])

    answer = client.infer(inputs=[tensor("x", ids, "INT64")])

    expected = client.model.predict(ids)
    np.testing.assert_array_equal(answer.array(), expected)
    assert client.get("/v2/models/net").record["inputs"][0]["datatype"] == "INT64"


@pytest.mark.parametrize("net", ["missing/gru-indicator", "missing/rnn-mean"])
def test_null_is_a_missing_value(serve, net):
    client = serve(net)
    x = np.ones((1, 4, len(client.model.manifest.features)), np.float32)
    x[0, 2, 0] = np.nan
    given = tensor("x", x)
    given["data"] = [None if v != v else v for v in given["data"]]

    np.testing.assert_array_equal(client.infer(inputs=[given]).array(), client.model.predict(x))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v2/models/other", 404),
        ("/v2/models/other/ready", 404),
        ("/v2/models/net/versions/2", 404),
        ("/v2/models/net/infer", 405),
    ],
)
def test_what_is_not_there_is_an_error_in_json(client, path, status):
    answer = client.get(path)

    assert answer.status == status
    assert answer.record["error"].startswith("E_REQUEST_")
