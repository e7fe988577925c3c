"""Starting and stopping a server."""

from __future__ import annotations

import json
import socket
import threading

import numpy as np
import pytest

import seqrt
from seqrt.errors import UsageError
from seqrt.serving.limits import ServingLimits
from seqrt.serving.server import ModelServer


def test_a_port_that_is_taken_is_named(client):
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1, port {client.port}: Addr"):
        ModelServer(client.model, "net", "0", ("127.0.0.1", int(client.port)), ServingLimits())


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 100])
def test_an_address_that_is_not_ours_is_named(client, host):
    with pytest.raises(UsageError, match=f"cannot listen on {host}, port 0"):
        ModelServer(client.model, "net", "0", (host, 0), ServingLimits())


def test_small_packets_are_sent_at_once(client):
    # asyncio sets TCP_NODELAY on connections of this protocol alone
    assert client.server._socket.proto == socket.IPPROTO_TCP


def test_a_request_in_flight_is_answered_after_the_stop(client):
    x = np.ones((1, 1, len(client.model.manifest.features)), np.float32)
    record = {"name": "x", "datatype": "FP32", "shape": list(x.shape), "data": x.ravel().tolist()}
    body = json.dumps({"inputs": [record]}).encode()
    head = f"POST /v2/models/net/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((client.host, int(client.port)), timeout=20) as connection:
        connection.sendall(head.encode() + body[:5])
        client.get("/v2/health/live")

        client.server.stop()
        with pytest.raises(ConnectionError):
            for _ in range(100):
                client.get("/v2/health/live")
                threading.Event().wait(0.05)
        connection.sendall(body[5:])
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))

    record = json.loads(answer.partition(b"\r\n\r\n")[2])
    np.testing.assert_array_equal(
        np.float32(record["outputs"][0]["data"]), client.model.predict(x)[0]
    )


def test_an_error_of_the_server_itself_is_a_sentence_too(serve, monkeypatch, caplog):
    client = serve()

    def broken(*_):
        raise KeyError("onnxruntime")

    monkeypatch.setattr(seqrt.Model, "run", broken)
    answer = client.infer(np.ones((1, 1, 2)))

    assert answer.status == 500
    assert answer.record["error"] == "this is a bug in seqrt; its log has the traceback."
    assert "KeyError" in caplog.text
