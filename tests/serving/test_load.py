"""Many sequences at once: every answer is that of a stream of its own, bit for bit."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from served import LENGTH

SEQUENCES, STEPS, CLIENTS = 100, 8, 8


@pytest.mark.parametrize("net", ["lstm-last", "rnn-relu"])
def test_a_hundred_sequences_at_once_do_not_mix(serve, rng, net):
    client = serve(net, threads=2)
    features = len(client.model.manifest.features)
    x = rng.standard_normal((SEQUENCES, STEPS, 1, features)).astype("<f4")
    got = np.full((SEQUENCES, STEPS, len(client.model.manifest.outputs)), np.nan, np.float32)

    def drive(first):
        """Advance every 8th sequence in turn, step by step, over one connection."""
        connection = http.client.HTTPConnection(client.host, int(client.port), timeout=60)
        for t in range(STEPS):
            for key in range(first, SEQUENCES, CLIENTS):
                got[key, t] = step(connection, key + 1, x[key, t], t)
        connection.close()

    def step(connection, key, x_t, t):
        record = {"name": "x", "datatype": "FP32", "shape": [1, 1, features]}
        record["parameters"] = {"binary_data_size": x_t.nbytes}
        parameters = {"sequence_id": key, "sequence_start": t == 0, "binary_data_output": True}
        parameters["sequence_end"] = t == STEPS - 1
        text = json.dumps({"inputs": [record], "parameters": parameters}).encode()
        connection.request(
            "POST", "/v2/models/net/infer", text + x_t.tobytes(), {LENGTH: str(len(text))}
        )
        answer = connection.getresponse()
        return np.frombuffer(answer.read()[int(answer.headers[LENGTH]) :], "<f4")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(drive, range(CLIENTS)))

    expected = np.empty_like(got)
    for key in range(SEQUENCES):
        stream = client.model.stream()
        expected[key] = [stream.push(x_t[0]) for x_t in x[key]]
    np.testing.assert_array_equal(got, expected)
    assert client.metric("seqrt_live_streams") == 0
    assert client.metric("seqrt_steps_total") == SEQUENCES * STEPS
