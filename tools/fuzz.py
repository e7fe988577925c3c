"""Fuzz the loading of models with hostile files, and with mutants that were sealed again.

    python tools/fuzz.py [--count 5000 | --seconds 3600] [--seed 0] [--keep FOLDER]

First the attacks of tests/attacks, then mutants (tools/mutants.py), sealed as seqrt does. Each file
is opened, predicts a ragged batch, streams and validates itself, in a process that is watched. It
must be

    refused     with a ModelError, before onnxruntime sees a byte, or
    same        bit for bit equal in its outputs to the network it was made from, or
    another     within the parity bound of what its own graph computes in float64 in plain numpy:
                with other weights it is another network, which only a signature could detect.

Where float32 itself fails (an overflow, an amplification that costs numpy's own float32 its first
three digits, or a weight over 10,000 that amplifies the rounding inside a kernel) there is nothing
to compare with: such mutants are counted as `lost`. Exit code
1 for a crash, any other exception, a wrong output, a file read outside (a canary beside, above or
named by its full path), or a file that takes over 1 s of processor time or 200 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
import mutants
from attacks import hostile, hostile_format2, hostile_small_weights, hostile_text

import seqrt
from seqrt.contract.seal import seal
from seqrt.errors import InputError, ModelError, ParityError
from seqrt.export.small_weights.numpy_graph import run_graph
from seqrt.runtime.proving.parity import allowed_error, largest

LONGEST, MOST_MEMORY, HUNG = 1.0, 200 << 20, 60.0
LOST, HUGE = 1e-3, 1e4
CANARY = hostile.OUTSIDE
SOUND = {"refused", "same", "another", "lost"}

# The worker: judges files in a process of its own


def judge(origin: int, content: bytes) -> str:
    """Return the verdict on a file: one of SOUND, or what is wrong with it."""
    try:
        model = seqrt.Model(content)
        feeds, ours = outputs(model)
        refused_proof(model)
    except InputError as error:
        # a manifest that says other ids or longer rows than the batch has
        return "refused" if error.code in ("E_INPUT_LENGTHS", "E_INPUT_RANGE") else str(error)
    except ModelError as error:
        return "refused by onnxruntime" if "onnxruntime" in str(error) else "refused"
    if origin >= 0:
        _, theirs = outputs(seqrt.Model(seal(mutants.BODIES[origin])))
        if {k: v.tobytes() for k, v in ours.items()} == {k: v.tobytes() for k, v in theirs.items()}:
            return "same"
    return parity(content, feeds, ours)


def refused_proof(model: seqrt.Model) -> None:
    """Replay the proof: it may fail or be missing, and must have no other effect."""
    try:
        model.validate().raise_if_failed()
    except ParityError:
        return
    except ModelError as error:
        if error.code != "E_MODEL_PROOF":
            raise


def outputs(model: seqrt.Model) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the feeds, and the outputs and the final state of a ragged batch, by name."""
    rng = np.random.default_rng(0)
    m = model.manifest
    if m.tokens:
        x = rng.integers(0, m.tokens, (5, 9))
        if m.text:
            x[1:, ::4] = [-1, m.tokens, 1 << 40]
    else:
        x = rng.uniform(-2, 20, (5, 9, len(m.features))).astype(np.float32)
    lengths = np.maximum(np.array([9, 1, 4, 9, 7], np.int32), min(9, m.least)).astype(np.int32)
    state = rng.uniform(-0.5, 0.5, (5, m.state_size)).astype(np.float32)
    y, state_out = model.run(x, lengths, state, any_ids=True)
    if m.streamable:
        model.stream().push("Good, na\u00efve \udcff film" if m.text else x[0])
    feeds = {"x": x, "lengths": lengths} | ({"state": state} if m.streamable else {})
    named = y if isinstance(y, dict) else {"y": y}
    return feeds, named | ({"state_out": state_out} if m.streamable else {})


def parity(content: bytes, feeds: dict[str, Any], got: dict[str, Any]) -> str:
    """Compare outputs with what the graph computes in float64, by the parity bound of export."""
    truth = run_graph(content, feeds, np.float64)
    plain = run_graph(content, feeds, np.float32)
    for name, want in truth.items():
        inside = np.arange(9) < feeds["lengths"][:, None] if want.ndim == 3 else ...
        want, single, found = want[inside], plain[name][inside], got[name][inside]
        size, own = largest(want), largest(single - want)
        if not own <= LOST * max(size, 1e-30) or size > 1e37:
            return "lost"
        if not largest(found - want) <= allowed_error(own, size):
            if largest_weight(content) > HUGE:
                return "lost"
            return f"wrong: {name} is {largest(found - want):.1e} off, numpy's float32 {own:.1e}"
    return "another"


def largest_weight(content: bytes) -> float:
    """Return the largest float in a file: it amplifies how a kernel rounds its exp and tanh."""
    graph = onnx.load_from_string(content).graph
    floats = (onnx.numpy_helper.to_array(t) for t in graph.initializer if t.data_type == 1)
    return max(map(largest, floats), default=0.0)


def work(seed: int, first: int, last: int) -> None:
    """Judge mutants from `first` on, one line of JSON each; attacks have negative numbers."""
    attacks = all_attacks()
    whole = seqrt.Model(seal(mutants.BODIES[0]))
    outputs(whole)
    whole.validate()
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args)) if event == "open" else None)
    for number in range(first, last):
        attack = attacks[-1 - number] if number < 0 else None
        origin, content = (-1, attack.content) if attack else mutants.mutant(seed, number)
        print(json.dumps({"number": number}), flush=True)
        resting = reset_peak()
        opened.clear()
        began = time.process_time()
        found = outcome(origin, content)
        took = time.process_time() - began
        if attack and found != "refused":
            found = f"the attack {attack.name!r} succeeded: {found}"
        if any(CANARY in name for name in opened):
            found = f"opened {opened}"
        record = {"number": number, "found": found, "seconds": took, "bytes": peak() - resting}
        print(json.dumps(record), flush=True)


def all_attacks() -> list[hostile.Attack]:
    """Return the attacks of tests/attacks."""
    rooms = hostile, hostile_format2, hostile_small_weights, hostile_text
    return [attack for room in rooms for attack in room.attacks()]


def outcome(origin: int, content: bytes) -> str:
    """Return the verdict, or the exception that no file may raise."""
    try:
        return judge(origin, content)
    except Exception as error:  # noqa: BLE001 - the verdict names it, whichever it is
        return f"exception {type(error).__name__}: {error!s:.200}"


def peak() -> int:
    """Return the peak resident memory of this process since `reset_peak`, in bytes (Linux).

    Not ru_maxrss, which a child inherits from the process that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def reset_peak() -> int:
    """Start a new peak measurement; return the resident memory now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


# The watcher


@dataclass
class Tally:
    """The verdicts so far: the count of each kind, the worst costs, and what is not allowed."""

    kinds: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    seconds: float = 0.0
    bytes: int = 0

    def add(self, record: dict[str, Any]) -> bool:
        """Count one verdict; return whether it is allowed."""
        number, kind = record["number"], record["found"]
        self.kinds["attacks refused" if number < 0 and kind == "refused" else kind[:60]] += 1
        self.seconds = max(self.seconds, record["seconds"])
        self.bytes = max(self.bytes, record["bytes"])
        if kind in SOUND and record["seconds"] <= LONGEST and record["bytes"] <= MOST_MEMORY:
            return True
        self.bad.append(f"file {number}: {kind}, {record['seconds']:.2f} s, {record['bytes']:,} B")
        return False

    def __str__(self) -> str:
        """Summarise in three lines or more."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.most_common())
        return (
            f"{self.kinds.total():,} files: {kinds}\nthe slowest took {self.seconds:.2f} s of"
            f" processor time; the largest {self.bytes / 1e6:.0f} MB\n"
            + "\n".join(self.bad or ["no crash, nothing wrong, nothing read outside"])
        )


def watch(args: argparse.Namespace, folder: Path) -> Tally:
    """Keep a worker busy until every file is judged; replace one that dies or hangs."""
    inside = folder / "inside"
    inside.mkdir()
    canaries = [inside / CANARY, folder / CANARY]
    check_canaries(canaries)
    tally = Tally()
    attacks = len(all_attacks())
    number, last = -attacks, sys.maxsize if args.seconds else args.count
    ends = time.monotonic() + (args.seconds or float("inf"))
    worker = start(args.seed, number, last, inside)
    while number < last and time.monotonic() < ends:
        line = next_line(worker)
        record = json.loads(line) if line else {"number": number, "found": "died or hung"}
        number = record["number"]
        if "found" not in record:
            continue
        if not tally.add({"seconds": 0.0, "bytes": 0} | record):
            save(args, number)
        number += 1
        if not line:
            worker.kill()
            worker = start(args.seed, number, last, inside)
        if tally.kinds.total() % 1000 == 0:
            print(tally, file=sys.stderr, flush=True)
    worker.kill()
    if read_since(canaries):
        tally.bad.append("a file outside was read")
    return tally


def start(seed: int, number: int, last: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker that judges from `number` on, with the canary in its folder."""
    numbers = map(str, (seed, number, last))
    words = [sys.executable, str(Path(__file__).resolve()), "--work", *numbers]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return subprocess.Popen(words, stdout=subprocess.PIPE, cwd=folder, env=environment, bufsize=0)


def next_line(worker: subprocess.Popen[bytes]) -> bytes | None:
    """Return the next line of a worker, None if it died or has been silent for a minute."""
    assert worker.stdout is not None
    if not select.select([worker.stdout], [], [], HUNG)[0]:
        return None
    return worker.stdout.readline() or None


def check_canaries(paths: list[Path]) -> None:
    """Write the canaries, and check that this file system records when one is read."""
    for path in paths:
        path.write_bytes(bytes(4096))
        # long before the modification time, so that any read updates the access time
        os.utime(path, (1, 1_000_000_000))
    paths[0].read_bytes()
    if not read_since(paths):
        sys.exit(
            "tools/fuzz.py: this file system records no access times: reads cannot be detected"
        )
    os.utime(paths[0], (1, 1_000_000_000))


def read_since(paths: list[Path]) -> bool:
    """Whether one of the canaries was read."""
    return any(path.stat().st_atime != 1 for path in paths)


def save(args: argparse.Namespace, number: int) -> None:
    """Write a mutant that failed to the --keep folder."""
    if args.keep and number >= 0:
        args.keep.mkdir(parents=True, exist_ok=True)
        (args.keep / f"{args.seed}-{number}.onnx").write_bytes(mutants.mutant(args.seed, number)[1])


def main() -> int:
    """Watch a worker, or be one; return 1 if any file fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--work", type=int, nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        tally = watch(args, Path(folder))
    print(tally)
    return 1 if tally.bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
