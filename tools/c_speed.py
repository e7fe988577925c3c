"""Time one step in C beside `Stream.push` and a bare `session.run` of onnxruntime.

    python tools/c_speed.py [--rounds 4] [--compiler gcc] [FILE.onnx ...]

Every contender has a process of its own, and they take turns. Each figure is the best of many
bursts, short ones because a busy machine soon interrupts, in microseconds for one step of batch 1
with the state carried on. onnxruntime has one thread. The C is compiled with -std=c99 -O3 alone,
and once more for this machine's processor. The files of models/ by default.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import c_programs

from seqrt.export.to_c.source import sources
from seqrt.runtime.opening.file import read_model

MODELS = Path(__file__).parent.parent / "models"
_MAIN = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
#include "net.h"
int main(void) {
    static net_state s;
    KIND x[net_FEATURES] = {0};
    float y[net_OUTPUTS];
    double best = 1e9, us;
    struct timespec a, b;
    int r, i;
    for (r = 0; r < 200; r++) {
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (i = 0; i < 200; i++) { x[0] = (KIND)(i & 3); net_step(&s, x, y); }
        clock_gettime(CLOCK_MONOTONIC, &b);
        us = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 200 / 1e3;
        best = us < best ? us : best;
    }
    printf("%.3f\\n", best);
    return 0;
}
"""
_PYTHON = """
import sys, time
import numpy as np, onnxruntime as ort, seqrt
kind, path = sys.argv[1:]
model = seqrt.load(path, threads=1)
m = model.manifest
if m.tokens:
    row = np.zeros((), np.int64)
else:
    row = np.zeros(len(m.features), np.float32)
if kind == "push":
    stream = model.stream()
    step = lambda: stream.push(row)
else:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {"x": row[None, None] if not m.tokens else np.zeros((1, 1), np.int64)}
    feeds |= {"lengths": np.ones(1, np.int32), "state": np.zeros((1, m.state_size), np.float32)}
    def step():
        y, feeds["state"] = session.run(["y", "state_out"], feeds)
best = 1e9
for _ in range(200):
    start = time.perf_counter()
    for _ in range(100):
        step()
    best = min(best, (time.perf_counter() - start) * 1e4)
print(best)
"""


def compiled(path: Path, folder: Path, compiler: str, flags: list[str]) -> Path:
    """Compile the C of a model and a loop that times it; return the program."""
    file = read_model(path)
    text = sources(file, "net")
    kind = "int32_t" if file.manifest.tokens else "float"
    (folder / "net.h").write_text(text.header, "utf-8")
    (folder / "net.c").write_text(text.source, "utf-8")
    (folder / "main.c").write_text(_MAIN.replace("KIND", kind))
    program = folder / f"program{len(flags)}"
    c_programs.run(
        [compiler, "-std=c99", *flags, "net.c", "main.c", "-o", program, "-lm"], cwd=folder
    )
    return program


def timed(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=sorted(MODELS.glob("*.onnx")))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--compiler", default="gcc")
    chosen = parser.parse_args()
    columns = ["C -O3", "C native", "session.run", "Stream.push"]
    print(f"{'us a step':20}", *(f"{name:>12}" for name in columns), f"{'push / C':>10}")
    for path in chosen.files:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            plain = compiled(path, folder, chosen.compiler, ["-O3"])
            native = ["-O3", "-march=native", "-ffp-contract=off"]
            commands = [
                [str(plain)],
                [str(compiled(path, folder, chosen.compiler, native))],
                [sys.executable, "-c", _PYTHON, "run", str(path)],
                [sys.executable, "-c", _PYTHON, "push", str(path)],
            ]
            best = [min(times) for times in zip(*_rounds(commands, chosen.rounds), strict=True)]
        print(f"{path.stem:20}", *(f"{us:12.2f}" for us in best), f"{best[3] / best[0]:10.1f}")
    return 0


def _rounds(commands: list[list[str]], count: int) -> list[list[float]]:
    return [[timed(command) for command in commands] for _ in range(count)]


if __name__ == "__main__":
    raise SystemExit(main())
