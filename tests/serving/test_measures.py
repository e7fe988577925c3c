"""/metrics: what Prometheus reads."""

from __future__ import annotations

import numpy as np


def test_requests_errors_and_steps_are_counted(client):
    x = np.zeros((3, 4, len(client.model.manifest.features)))
    client.infer(x)
    client.infer(x)
    client.infer(x[..., :0])
    client.post(b"")

    assert client.metric('seqrt_requests_total{status="200"}') == 2
    assert client.metric('seqrt_requests_total{status="400"}') == 2
    assert client.metric('seqrt_errors_total{code="E_REQUEST"}') == 2
    assert client.metric("seqrt_steps_total") == 2 * 3 * 4


def test_the_histogram_of_seconds_is_cumulative(client):
    x = np.zeros((1, 1, len(client.model.manifest.features)))
    for _ in range(5):
        client.infer(x)

    lines = client.get("/metrics").record.splitlines()
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines if "_bucket{" in line]
    assert counts == sorted(counts)
    assert counts[-1] == client.metric("seqrt_request_seconds_count") == 5
    assert 0 < client.metric("seqrt_request_seconds_sum") < 60


def test_every_series_has_its_type_and_its_help(client):
    lines = client.get("/metrics").record.splitlines()

    helps = {line.split()[2] for line in lines if line.startswith("# HELP")}
    types = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    names = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    for suffix in ("_bucket", "_sum", "_count"):
        names = {name.removesuffix(suffix) for name in names}
    assert names <= helps == types


def test_the_metrics_are_in_the_format_of_prometheus(client):
    _, headers, _ = client.send("GET", "/metrics")

    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
