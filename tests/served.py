"""A client of `seqrt serve` that sends exactly what a test gives it."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

import numpy as np

LENGTH = "Inference-Header-Content-Length"


class Response(NamedTuple):
    """The status and JSON of a response, and the raw tensors after the JSON."""

    status: int
    record: Any
    raw: bytes = b""

    def array(self, name="y"):
        """The output `name`, from its data or from the raw bytes of the only raw output."""
        output = next(each for each in self.record["outputs"] if each["name"] == name)
        data = output["data"] if "data" in output else np.frombuffer(self.raw, "<f4")
        return np.array(data, np.float32).reshape(output["shape"])


class Client:
    """Talks to one server over a connection for each request."""

    def __init__(self, server, model):
        self.server, self.model = server, model
        self.host, self.port = server.url.removeprefix("http://").split(":")

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path):
        status, headers, body = self.send("GET", path)
        is_json = headers["Content-Type"] == "application/json"
        return Response(status, json.loads(body) if is_json else body.decode())

    def post(self, body, headers=None):
        """Send a body to /infer."""
        status, headers, content = self.send("POST", "/v2/models/net/infer", body, headers)
        end = int(headers.get(LENGTH, len(content)))
        return Response(status, json.loads(content[:end]), content[end:])

    def infer(self, x=None, *, inputs=(), raw=b"", **rest):
        """Send x as JSON, with more inputs, and with what else the JSON of a request has."""
        inputs = [*([tensor("x", x)] if x is not None else []), *inputs]
        text = json.dumps({"inputs": inputs, **rest}).encode()
        return self.post(text + raw, {LENGTH: str(len(text))} if raw else None)

    def step(self, x, key, **flags):
        """Send the next steps (t, D) of a sequence."""
        parameters = {"sequence_id": key} | {f"sequence_{name}": v for name, v in flags.items()}
        return self.infer(np.asarray(x)[None], parameters=parameters)

    def metric(self, name):
        """The value of a series in /metrics."""
        lines = dict(line.rsplit(" ", 1) for line in self.get("/metrics").record.splitlines())
        return float(lines[name])


def tensor(name, array, datatype="FP32"):
    array = np.asarray(array)
    return {
        "name": name,
        "datatype": datatype,
        "shape": list(array.shape),
        "data": array.reshape(-1).tolist(),
    }
