"""Checks that a model works when pickled, copied, forked, used by threads, or in a new process."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing
import os
import pickle  # noqa: TID251 - a Model's own pickle, made and read here
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_same
from seqrt.testing.model_under_test import ModelUnderTest

_SECONDS = 60

_PROGRAM = """
import sys, numpy, seqrt
model = seqrt.load(sys.argv[1], threads=1).joined
sys.stdout.buffer.write(numpy.asarray(model.predict(numpy.load(sys.argv[2]))).tobytes())
"""


def checks_for(_: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply here: forking is safe on Linux only."""
    always: list[Callable[[ModelUnderTest], None]] = [
        pickled_and_copied_models_predict_the_same,
        threads_can_share_a_model,
        a_new_process_predicts_the_same_and_leaves_no_files,
    ]
    return [*always, a_forked_child_predicts_the_same] if sys.platform == "linux" else always


def pickled_and_copied_models_predict_the_same(tested: ModelUnderTest) -> None:
    """A copy made by pickle or deepcopy has the same digest, and predicts the same bits."""
    want = tested.model.predict(tested.x)
    pickled = pickle.loads(pickle.dumps(tested.model))  # noqa: S301 - see above
    for copied in (pickled, copy.deepcopy(tested.model)):
        assert_same(copied.predict(tested.x), want, "predictions of a model and of its copy")
        if copied.digest != tested.model.digest:
            raise AssertionError("a copied model must have the digest of the original.")


def threads_can_share_a_model(tested: ModelUnderTest) -> None:
    """Eight threads, each with its own batches, predict what one thread does."""
    batches = [
        tested.x[rows:, :steps]
        for rows in (0, 3, 4)
        for steps in (tested.least, max(7, tested.least), 12)
    ] * 4
    want = [tested.model.predict(x) for x in batches]
    with ThreadPoolExecutor(8) as threads:
        for got, alone in zip(threads.map(tested.model.predict, batches), want, strict=True):
            assert_same(got, alone, "predictions on eight threads and on one")


def a_forked_child_predicts_the_same(tested: ModelUnderTest) -> None:
    """A child forked after the model was used predicts the same, and exits."""
    want = np.asarray(tested.model.predict(tested.x))
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def predict() -> None:
        writing.send_bytes(np.asarray(tested.model.predict(tested.x)).tobytes())

    child: Any = context.Process(target=predict)
    with warnings.catch_warnings():
        # Python warns of forking with other threads running, which is what this check is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    writing.close()
    got = b""
    with contextlib.suppress(EOFError):  # the child exited without a prediction
        got = reading.recv_bytes() if reading.poll(_SECONDS) else got
    child.join(_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    if child.exitcode:
        raise AssertionError(f"a forked child must exit with code 0, got {child.exitcode}.")
    if got != want.tobytes():
        raise AssertionError("a forked child must predict the same bit for bit, but does not.")


def a_new_process_predicts_the_same_and_leaves_no_files(tested: ModelUnderTest) -> None:
    """A new process with an empty home folder: the same bits, no text on stderr, no files."""
    with tempfile.TemporaryDirectory() as folder:
        home, x = Path(folder, "home"), Path(folder, "x.npy")
        home.mkdir()
        np.save(x, tested.x)
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, os.path.abspath(tested.path), str(x)],
            capture_output=True,
            env=_environment(home),
            timeout=_SECONDS,
            check=False,
        )
        left = [str(path.relative_to(home)) for path in home.rglob("*")]
    if done.returncode or done.stderr:
        printed = done.stderr.decode(errors="replace")[-300:]
        raise AssertionError(
            "a new process must exit with code 0 and print nothing to stderr,"
            f" got {done.returncode} and: {printed}"
        )
    if done.stdout != np.asarray(tested.model.predict(tested.x)).tobytes():
        raise AssertionError("a new process must predict the same bit for bit, but does not.")
    if left:
        raise AssertionError(f"no files must be left in the home folder, got {left[:3]}.")


def _environment(home: Path) -> dict[str, str]:
    """Return the environment with `home` as home folder, and telemetry not switched off."""
    quieting = ("CI", "ORT_DISABLE_TELEMETRY")
    plain = {name: value for name, value in os.environ.items() if name not in quieting}
    homes = {name: str(home) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "APPDATA")}
    return plain | homes | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
