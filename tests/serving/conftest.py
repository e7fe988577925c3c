"""Real servers on free ports."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from served import Client

import seqrt
from seqrt.serving.limits import ServingLimits
from seqrt.serving.server import ModelServer

NETS = Path(__file__).parents[1] / "runtime" / "nets"


@pytest.fixture
def serve():
    """Start a server for a test net under the name `net`; it ends with the test."""
    started = []

    def start(net="lstm-last", threads=2, saved=None, **limits):
        model = seqrt.load(NETS / f"{net}.onnx", threads=threads)
        server = ModelServer(model, "net", "0", ("127.0.0.1", 0), ServingLimits(**limits), saved)
        thread = threading.Thread(target=server.run)
        thread.start()
        started.append((server, thread))
        return Client(server, model)

    yield start
    for server, thread in started:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def client(serve):
    """A client of a server for an LSTM with an output after the last step."""
    return serve()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
