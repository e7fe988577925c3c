"""A disk that fails: the N-th open, write, fsync or rename, for every N, once or from then on.

    python tools/failing_disk.py

Runs `seqrt train`, `export` and `predict`, each as often as it has operations. What must not be: an
exit code other than 7, a word on stdout, a half file under a final name, a part file, an older file
that changed. Exit code 1 where any of it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from failing_disk import COMMANDS, prepare, trials


def main() -> int:
    """Print how each command came through; return 1 where one did not."""
    sound = True
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for command in COMMANDS:
            for on in (False, True):
                met = list(trials(command, on=on))
                faults = [(trial.number, trial.failed, fault) for trial, fault in met if fault]
                how = "and all behind it" if on else "alone"
                refused = sum(trial.code == 7 for trial, _ in met)
                print(f"{command:8} operation 1 to {len(met) - 1} fails, {how:18}", end="")
                print(f"exit code 7: {refused:3}, wrong: {len(faults)}", *faults, flush=True)
                sound = sound and not faults
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
