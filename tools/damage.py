"""Damage model files by every bit flip, every truncation and random byte changes.

    python tools/damage.py [MODEL ...] [--changes 10000] [--seed 0]

By default one small network of each cell. Exit code 1 unless every damaged file is refused with a
ModelError, each within 10 ms of processor time.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seqrt import Model, ModelError

NETS = Path(__file__).parent.parent / "tests" / "runtime" / "nets"
MODELS = [NETS / f"{name}.onnx" for name in ("rnn-last", "lstm-last", "gru-sequence")]
SLOWEST = 0.010


def flips(whole: bytes) -> Iterator[bytes]:
    """Yield the file with one bit flipped, for every bit."""
    damaged = bytearray(whole)
    for at in range(len(whole)):
        for bit in range(8):
            damaged[at] ^= 1 << bit
            yield bytes(damaged)
            damaged[at] ^= 1 << bit


def truncations(whole: bytes) -> Iterator[bytes]:
    """Yield every proper prefix of the file."""
    return (whole[:size] for size in range(len(whole)))


def changes(whole: bytes, count: int, chance: random.Random) -> Iterator[bytes]:
    """Yield the file with one to eight bytes changed at random places."""
    for _ in range(count):
        damaged = bytearray(whole)
        for at in chance.sample(range(len(whole)), chance.randrange(1, 9)):
            damaged[at] = (damaged[at] + chance.randrange(1, 256)) % 256
        yield bytes(damaged)


def main() -> int:
    """Damage the files; return 1 unless all were refused in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, default=MODELS)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    codes: Counter[str] = Counter()
    slowest, damages = 0.0, 0
    for path in args.models:
        whole = path.read_bytes()
        Model(whole)
        gc.freeze()
        for kind in (flips(whole), truncations(whole), changes(whole, args.changes, chance)):
            for damaged in kind:
                began = time.process_time()
                code = outcome(damaged)
                slowest = max(slowest, time.process_time() - began)
                codes[code] += 1
                damages += 1
        print(f"{path.name}: {len(whole):,} bytes", flush=True)
    print(
        f"{damages:,} damaged files: {dict(codes)}; the slowest refusal took {1e3 * slowest:.2f} ms"
    )
    sound = set(codes) <= {"E_MODEL_DAMAGED", "E_MODEL_UNSEALED"} and slowest < SLOWEST
    print("all refused, in time" if sound else "a damaged file was accepted, or refused too late")
    return 0 if sound else 1


def outcome(damaged: bytes) -> str:
    """Return the code of the error, or "opened"."""
    try:
        Model(damaged)
    except ModelError as error:
        return error.code
    return "opened"


if __name__ == "__main__":
    raise SystemExit(main())
