"""Requests that are wrong, too large or too slow: one sentence each, and the server goes on."""

from __future__ import annotations

import json
import socket
import time

import numpy as np
import pytest
from served import LENGTH, tensor

X = {"name": "x", "shape": [1, 1, 2], "datatype": "FP32"}
GOOD = X | {"data": [1, 2]}
RAW = X | {"parameters": {"binary_data_size": 8}}


@pytest.fixture
def x(client):
    return np.ones((1, 1, len(client.model.manifest.features)), np.float32)


def refused(answer, *words, status=400):
    """Check that an answer is an error of ours, and that nothing of a library shows."""
    sentence = answer.record["error"]
    assert answer.status == status
    assert sentence.startswith("E_")
    assert sentence.endswith((".", "?"))
    assert not any(name in sentence for name in ("onnxruntime", "Traceback", "numpy.", "ONNX"))
    for word in words:
        assert word in sentence


TEXTS = {
    "nothing": (b"", "begin with JSON"),
    "no JSON": (b"hello", "begin with JSON"),
    "no UTF-8": (b"\xff\xfe", "begin with JSON"),
    "NaN": (b'{"inputs": [{"name": "x", "data": [NaN]}]}', "JSON has no NaN"),
    "Infinity": (b'{"inputs": [{"name": "x", "data": [-Infinity]}]}', "JSON has no -Infinity"),
    "deep": (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "open": (b"[" * 100_000, "nested too deeply"),
    "number of many digits": (b'{"inputs": ' + b"9" * 10_000 + b"}", "begin with JSON"),
    "key twice": (b'{"inputs": [], "inputs": []}', "a key occurs twice"),
    "a list": (b"[]", "must be an object"),
    "no inputs": (b"{}", "must have the input x"),
    "inputs no list": (b'{"inputs": {}}', "'inputs' must be a list"),
    "input no object": (b'{"inputs": [1]}', "must be an object with a name"),
    "id no text": (b'{"id": 1}', "'id' must be text"),
    "parameters no object": (b'{"parameters": 1}', "'parameters' must be an object"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_body_that_is_no_request(client, x, case):
    body, words = TEXTS[case]

    refused(client.post(body), words)
    assert client.infer(x).status == 200


INPUTS = {
    "unknown datatype": ([X | {"datatype": "BYTES", "data": ["a", "b"]}], "datatype of x"),
    "datatype no text": ([GOOD | {"datatype": ["FP32"]}], "datatype of x"),
    "no shape": ([{k: v for k, v in GOOD.items() if k != "shape"}], "shape of x"),
    "negative size": ([GOOD | {"shape": [-1, 1, 2]}], "shape of x"),
    "size no number": ([GOOD | {"shape": [True, 1, 2]}], "shape of x"),
    "fraction of a size": ([GOOD | {"shape": [1.0, 1, 2]}], "shape of x"),
    "many axes": ([GOOD | {"shape": [1] * 100 + [2]}], "shape of x"),
    "huge size": ([GOOD | {"shape": [1 << 62, 1 << 62, 2]}], "numbers for its shape"),
    "huge empty shape": ([GOOD | {"shape": [1 << 62, 0, 2]}], "at least one row"),
    "no steps": ([GOOD | {"shape": [1, 0, 2], "data": []}], "at least one row"),
    "fewer numbers": ([GOOD | {"data": [1]}], "must be 2 numbers"),
    "more numbers": ([GOOD | {"data": [1, 2, 3]}], "must be 2 numbers"),
    "nested otherwise": ([GOOD | {"shape": [2, 1, 2], "data": [[[1, 2, 3, 4]]]}], "nested as"),
    "partly nested": ([GOOD | {"data": [[[1, 2]], 3]}], "nested as"),
    "nested too deep": ([GOOD | {"data": [[[[1], [2]]]]}], "must be numbers"),
    "data no list": ([GOOD | {"data": 1}], "must be 2 numbers"),
    "text for numbers": ([GOOD | {"data": ["1", "2"]}], "must be numbers"),
    "truth for numbers": ([GOOD | {"data": [True, False]}], "must be numbers"),
    "huge number": ([GOOD | {"data": [10**400, 1]}], "too large"),
    "number beyond float32": ([GOOD | {"data": [1e300, 1]}], "E_INPUT_RANGE"),
    "fraction for INT32": ([GOOD | {"datatype": "INT32", "data": [1.5, 1]}], "whole numbers"),
    "beyond INT8": ([GOOD | {"datatype": "INT8", "data": [300, 1]}], "too large"),
    "wrong features": ([GOOD | {"shape": [1, 2, 1]}], "E_INPUT_SHAPE"),
    "one axis": ([GOOD | {"shape": [2]}], "E_INPUT_SHAPE"),
    "no axis": ([GOOD | {"shape": [], "data": [1]}], "E_INPUT_SHAPE"),
    "twice": ([GOOD, GOOD], "occurs twice"),
    "another input": ([GOOD, GOOD | {"name": "z"}], "inputs of this model are x, lengths, state"),
    "no data": ([X], "either data or"),
    "both": ([RAW | {"data": [1, 2]}], "either data or"),
    "lengths too long": ([GOOD, tensor("lengths", [2], "INT32")], "E_INPUT_LENGTHS"),
    "lengths negative": ([GOOD, tensor("lengths", [-1], "INT32")], "E_INPUT_LENGTHS"),
    "lengths of floats": ([GOOD, tensor("lengths", [1.0])], "E_INPUT_LENGTHS"),
    "lengths of another batch": ([GOOD, tensor("lengths", [1, 1], "INT32")], "E_INPUT_SHAPE"),
    "state of another size": ([GOOD, tensor("state", np.zeros((1, 3)))], "E_INPUT_SHAPE"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_an_input_that_does_not_fit(client, x, case):
    inputs, words = INPUTS[case]

    refused(client.infer(inputs=inputs), words)
    refused(client.infer(inputs=inputs, parameters={"sequence_id": 9, "sequence_start": True}))
    assert client.metric("seqrt_live_streams") == 0
    assert client.infer(x).status == 200


PARAMETERS = {
    "id of another type": ({"sequence_id": 1.5}, "sequence_id must be"),
    "id true": ({"sequence_id": True}, "sequence_id must be"),
    "id negative": ({"sequence_id": -1}, "sequence_id must be"),
    "id of 65 bits": ({"sequence_id": 1 << 64}, "sequence_id must be"),
    "long id": ({"sequence_id": "a" * 129}, "sequence_id must be"),
    "start no truth": ({"sequence_id": 1, "sequence_start": 1}, "must be true or false"),
    "start without id": ({"sequence_start": True}, "sequence_id other than"),
    "binary no truth": ({"binary_data_output": "yes"}, "must be true or false"),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_that_do_not_fit(client, x, case):
    parameters, words = PARAMETERS[case]

    refused(client.infer(x, parameters=parameters), words)


OUTPUTS = {
    "unknown": ([{"name": "z"}], "there is no output 'z'"),
    "twice": ([{"name": "y"}, {"name": "y"}], "occurs twice"),
    "no name": ([{}], "must be an object with a name"),
    "classes": ([{"name": "y", "parameters": {"classification": 2}}], "not supported"),
    "shared memory": ([{"name": "y", "parameters": {"shared_memory_region": "a"}}], "not support"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_that_there_are_not(client, x, case):
    outputs, words = OUTPUTS[case]

    refused(client.infer(x, outputs=outputs), words)


@pytest.mark.parametrize("size", [0, 4, 7, 12, -8, 1 << 70, 8.0, True, "8"])
def test_a_binary_size_that_does_not_match(client, size):
    record = X | {"parameters": {"binary_data_size": size}}

    refused(client.infer(inputs=[record], raw=bytes(8)), " x ")


def test_bytes_after_the_last_tensor(client):
    refused(client.infer(inputs=[RAW], raw=bytes(9)), "1 bytes follow")
    refused(client.infer(inputs=[GOOD], raw=bytes(9)), "9 bytes follow")


@pytest.mark.parametrize("length", ["9" * 5000, "999", "-1", "1e3", "0x10", "", "١٢"])
def test_a_length_of_the_json_that_does_not_match(client, length):
    body = json.dumps({"inputs": [GOOD]}).encode()

    refused(client.post(body, {LENGTH: length.encode()}), LENGTH)


def test_a_length_that_cuts_the_json(client):
    body = json.dumps({"inputs": [GOOD]}).encode()

    refused(client.post(body, {LENGTH: "10"}), "begin with JSON")


def test_a_compressed_body(client):
    refused(client.post(b"x", {"Content-Encoding": "gzip"}), "compressed", status=415)


@pytest.fixture
def small(serve):
    return serve(body=1 << 20, seconds=0.5)


def test_a_body_over_the_limit(small, x):
    refused(small.post(bytes((1 << 20) + 1)), "1,048,576 bytes", status=413)
    refused(small.post(bytes(5 << 20)), "1,048,576 bytes", status=413)
    assert small.infer(x).status == 200


def test_a_chunked_body_over_the_limit(small, x):
    parts = (bytes(100_000) for _ in range(20))

    answer = small.post(parts)

    refused(answer, "1,048,576 bytes", status=413)
    assert small.infer(x).status == 200


def test_a_chunked_body_within_the_limit(small, x):
    body = json.dumps({"inputs": [GOOD]}).encode()
    parts = (body[i : i + 1] for i in range(len(body)))

    assert small.post(parts).status == 200


def test_a_response_over_the_limit(small):
    rows = (1 << 20) // (4 * small.model.manifest.state_size) + 1
    record = {"name": "x", "datatype": "INT8", "shape": [rows, 1, 2]}
    size = {"parameters": {"binary_data_size": 2 * rows}}

    y = small.infer(inputs=[record | size], raw=bytes(2 * rows))
    state = small.infer(
        inputs=[record | size], raw=bytes(2 * rows), outputs=[{"name": "state_out"}]
    )

    assert y.status == 200
    refused(state, "E_REQUEST_SIZE", "fewer columns", status=413)


def test_a_slow_body_is_given_up_and_holds_up_nobody(small, x):
    head = b"POST /v2/models/net/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((small.host, int(small.port)), timeout=20) as slow:
        slow.sendall(head + b"{")
        began = time.monotonic()
        assert small.infer(x).status == 200
        assert time.monotonic() - began < 0.5
        answer = b"".join(iter(lambda: slow.recv(1 << 16), b"")).decode()

    assert answer.startswith("HTTP/1.1 408")
    assert "E_REQUEST_TIME: a request must arrive within 0.5 s" in answer
    assert small.metric('seqrt_errors_total{code="E_REQUEST_TIME"}') == 1


def test_a_client_that_hangs_up_is_counted_and_forgotten(small, x):
    head = b"POST /v2/models/net/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((small.host, int(small.port)), timeout=20) as gone:
        gone.sendall(head + b"{")
    assert small.infer(x).status == 200

    deadline = time.monotonic() + 5
    while 'code="E_REQUEST_GONE"' not in small.get("/metrics").record:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_busy_server_says_so_and_changes_nothing(serve, x):
    client = serve("lstm-last", threads=1, seconds=0.5)
    client.step(x[0], 3, start=True)
    steps = 3_000_000  # some seconds of work
    record = {"name": "x", "datatype": "INT8", "shape": [1, steps, 2]}
    size = {"parameters": {"binary_data_size": 2 * steps}}
    text = json.dumps({"inputs": [record | size]}).encode()
    head = (
        f"POST /v2/models/net/infer HTTP/1.1\r\nHost: a\r\n{LENGTH}: {len(text)}\r\n"
        f"Content-Length: {len(text) + 2 * steps}\r\n\r\n"
    )
    with socket.create_connection((client.host, int(client.port)), timeout=60) as long:
        long.sendall(head.encode() + text + bytes(2 * steps))
        done, answer = 1, client.step(x[0], 3)
        while answer.status == 200:  # until the long request has its turn
            done, answer = done + 1, client.step(x[0], 3)

        assert long.recv(15) == b"HTTP/1.1 200 OK"
    refused(answer, "E_REQUEST_BUSY", "its sequence is unchanged", status=503)
    assert client.step(x[0], 3).record["parameters"]["sequence_steps"] == done + 1
