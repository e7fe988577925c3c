"""Load a server with live sequences, and check every answer against a stream of its own.

    python tools/serve_load.py [--sequences 1000] [--seconds 60] [--clients 16] [--model FILE]

Starts `seqrt serve` in a process of its own. The clients, in another process, each advance their
share of the sequences in turn, a step a request, over one connection each, with raw tensors. A
sequence ends after a random number of steps, and another starts in its place. Every answer must
equal, bit for bit, what a local stream of the model gives for the same steps: a state that was
mixed up or lost shows at once. Prints requests per second, the 50th and 99th percentile and the
largest of the seconds to an answer, and how many answers were wrong or missing; exit code 1 if any.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

import seqrt

ROOT = Path(__file__).parent.parent
LENGTH = "Inference-Header-Content-Length"


class Clients:
    """Clients that share the sequences; what they measured is in `seconds` and `wrong`."""

    def __init__(self, model, host, port, name):
        self.model, self.host, self.port, self.name = model, host, port, name
        self.features = len(model.manifest.features)
        self.seconds: list[float] = []
        self.wrong = self.missing = self.ended = 0
        self.lock = threading.Lock()

    def drive(self, keys, until, seed):
        rng = np.random.default_rng(seed)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        local = {key: self.model.stream() for key in keys}
        left = dict.fromkeys(keys, 0)
        times, wrong, missing, ended = [], 0, 0, 0
        while time.monotonic() < until:
            for key in keys:
                start = left[key] == 0
                if start:
                    left[key] = int(rng.integers(1, 200))
                    local[key].reset()
                left[key] -= 1
                x = rng.uniform(0.4, 1.3, self.features).astype("<f4")
                began = time.perf_counter()
                y = self.step(connection, key, x, start, left[key] == 0)
                times.append(time.perf_counter() - began)
                expected = local[key].push(x)
                missing += y is None
                wrong += y is not None and y.tobytes() != expected.tobytes()
                ended += left[key] == 0
        with self.lock:
            self.seconds += times
            self.wrong, self.missing = self.wrong + wrong, self.missing + missing
            self.ended += ended

    def step(self, connection, key, x, start, end):
        record = {"name": "x", "datatype": "FP32", "shape": [1, 1, self.features]}
        record["parameters"] = {"binary_data_size": x.nbytes}
        parameters = {"sequence_id": key, "sequence_start": start, "sequence_end": end}
        parameters["binary_data_output"] = True
        text = json.dumps({"inputs": [record], "parameters": parameters}).encode()
        path = f"/v2/models/{self.name}/infer"
        connection.request("POST", path, text + x.tobytes(), {LENGTH: str(len(text))})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return None
        return np.frombuffer(body[int(answer.headers[LENGTH]) :], "<f4")


def drive_all(path, host, port, options, out):
    clients = Clients(seqrt.load(path, threads=1), host, port, path.stem)
    until = time.monotonic() + options.seconds
    keys = range(1, options.sequences + 1)
    threads = [
        threading.Thread(target=clients.drive, args=(keys[i :: options.clients], until, i))
        for i in range(options.clients)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    out.put((clients.seconds, took, clients.wrong, clients.missing, clients.ended))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "tutorial-lstm.onnx")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    command = [sys.executable, "-m", "seqrt", "serve", str(options.model), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    host, port = re.search(r"http://([\d.]+):(\d+)", server.stderr.readline()).groups()
    out = multiprocessing.get_context("spawn").Queue()
    arguments = options.model, host, int(port), options, out
    clients = multiprocessing.get_context("spawn").Process(target=drive_all, args=arguments)
    clients.start()
    seconds, took, wrong, missing, ended = out.get()
    clients.join()
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    p50, p99 = np.percentile(seconds, [50, 99])
    print(f"{len(seconds):,} requests of {options.sequences:,} sequences in {took:.1f} s")
    print(f"{len(seconds) / took:,.0f} requests/s by {options.clients} clients")
    print(f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, max {max(seconds) * 1e3:.1f} ms")
    print(f"{ended:,} sequences ended; answers wrong {wrong}, missing {missing}; exit code {code}")
    return int(bool(wrong or missing or code != 143))


if __name__ == "__main__":
    sys.exit(main())
