"""Make the N-th open, write, fsync or rename fail, for every N, once or from then on.

    python tools/failing_disk.py

Runs `seqrt train`, `export`, `predict` and `forecast` once for each of their operations. Exit code
1 if a run ends with a code other than 7, prints to stdout, leaves a partial file under a final name
or a temporary file, or changes an older file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from failing_disk import COMMANDS, prepare, trials


def main() -> int:
    """Print how each command coped; return 1 if one did not."""
    sound = True
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for command in COMMANDS:
            for on in (False, True):
                tried = list(trials(command, on=on))
                faults = [(trial.number, trial.failed, fault) for trial, fault in tried if fault]
                how = "and all later ones" if on else "alone"
                refused = sum(trial.code == 7 for trial, _ in tried)
                print(f"{command:13} operation 1 to {len(tried) - 1} fails, {how:18}", end="")
                print(f"exit code 7: {refused:3}, wrong: {len(faults)}", *faults, flush=True)
                sound = sound and not faults
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
