"""Prove the C of model files on this machine, on an emulated ARMv7 and on a Cortex-M4F.

    python tools/c_machines.py [FILE.onnx ...]

On each machine and with each compiler, the golden cases of the file are replayed, then 1,000 steps
run, and a hash of all bits that came out is compared. On the Cortex-M4F, the instructions of a
step are counted. The files of models/ by default. Exit code 1 if a case fails or if a bit differs.
What is not installed is left out; on Debian all of it is

    apt-get install gcc clang gcc-arm-linux-gnueabihf qemu-user gcc-arm-none-eabi qemu-system-arm
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import c_machines

MODELS = Path(__file__).parent.parent / "models"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=sorted(MODELS.glob("*.onnx")))
    failed = 0
    for path in parser.parse_args().files:
        bits: set[str] = set()
        for machine in c_machines.MACHINES:
            if machine.missing:
                print(f"{path.stem:16}{machine.name:24}needs {', '.join(machine.missing)}")
                continue
            with tempfile.TemporaryDirectory() as folder:
                code, lines = c_machines.replay(path.read_bytes(), machine, Path(folder))
            said, hashed, *instructions = lines
            bits.add(hashed)
            failed += code != 0 or len(bits) > 1
            print(
                f"{path.stem:16}{machine.name:24}{hashed}  {said.removeprefix('net: ')}",
                *instructions,
            )
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
