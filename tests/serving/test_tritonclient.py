"""The client of NVIDIA Triton works as it is: pip install 'tritonclient[http]'."""

from __future__ import annotations

import numpy as np
import pytest

triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")


@pytest.fixture
def remote(client):
    remote = triton.InferenceServerClient(f"{client.host}:{client.port}", concurrency=2)
    yield remote
    remote.close()


@pytest.fixture
def x(client, rng):
    return rng.standard_normal((10, len(client.model.manifest.features))).astype(np.float32)


def given(x, name="x", datatype="FP32", binary=True):
    tensor = triton.InferInput(name, list(x.shape), datatype)
    tensor.set_data_from_numpy(x, binary_data=binary)
    return tensor


def test_health_and_metadata(client, remote):
    assert remote.is_server_live()
    assert remote.is_server_ready()
    assert remote.is_model_ready("net")
    assert remote.is_model_ready("net", "1")
    assert not remote.is_model_ready("other")
    assert remote.get_server_metadata()["name"] == "seqrt"
    assert remote.get_model_metadata("net")["outputs"][0]["name"] == "y"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [None, True, False])
def test_a_ragged_batch(client, remote, x, binary_in, binary_out):
    batch = np.stack([x[:5], x[5:]])
    lengths = np.array([5, 2], np.int32)
    outputs = None
    if binary_out is not None:
        outputs = [triton.InferRequestedOutput("y", binary_data=binary_out)]

    result = remote.infer(
        "net",
        [given(batch, binary=binary_in), given(lengths, "lengths", "INT32", binary_in)],
        outputs=outputs,
        request_id="17",
    )

    np.testing.assert_array_equal(result.as_numpy("y"), client.model.predict(batch, lengths))
    assert result.get_response()["id"] == "17"


@pytest.mark.parametrize("key", [42, "pump"])
def test_a_sequence(client, remote, x, key):
    stream = client.model.stream()

    for t, row in enumerate(x):
        flags = {"sequence_start": t == 0, "sequence_end": t == len(x) - 1}
        result = remote.infer("net", [given(row[None, None])], sequence_id=key, **flags)

        np.testing.assert_array_equal(result.as_numpy("y")[0], stream.push(row))


def test_an_error_is_our_sentence(client, remote, x):
    with pytest.raises(triton.InferenceServerException, match="E_STREAM_KEY: sequence 3") as error:
        remote.infer("net", [given(x[None])], sequence_id=3)

    assert error.value.status() == "400"


def test_requests_in_flight_together(client, remote, x):
    pending = [remote.async_infer("net", [given(x[None, : t + 1])]) for t in range(10)]

    for t, each in enumerate(pending):
        expected = client.model.predict(x[None, : t + 1])
        np.testing.assert_array_equal(each.get_result().as_numpy("y"), expected)
