"""A Model goes where its program goes: pickled, copied, forked, on threads, into a fresh Python."""

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

_FRESH = """
import sys, numpy, seqrt
model = seqrt.load(sys.argv[1], threads=1)
sys.stdout.buffer.write(numpy.asarray(model.predict(numpy.load(sys.argv[2]))).tobytes())
"""


def faults(_: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file that apply here; a safe fork is Linux's."""
    always: list[Callable[[ModelUnderTest], None]] = [
        a_pickled_and_a_copied_model_answer_the_same,
        threads_share_a_model,
        a_fresh_python_answers_the_same_and_leaves_nothing,
    ]
    return [*always, a_forked_child_answers_the_same] if sys.platform == "linux" else always


def a_pickled_and_a_copied_model_answer_the_same(tested: ModelUnderTest) -> None:
    """Through pickle and deepcopy: the same digest, and the same bits."""
    want = tested.model.predict(tested.x)
    sent = pickle.loads(pickle.dumps(tested.model))  # noqa: S301 - see above
    for again in (sent, copy.deepcopy(tested.model)):
        assert_same(again.predict(tested.x), want, "answers of a model and of its copy")
        if again.digest != tested.model.digest:
            raise AssertionError("a copied model must have the digest of the first.")


def threads_share_a_model(tested: ModelUnderTest) -> None:
    """Eight threads, each with batches of its own: the answers of one."""
    asked = [tested.x[rows:, :steps] for rows in (0, 3, 4) for steps in (1, 7, 12)] * 4
    want = [tested.model.predict(x) for x in asked]
    with ThreadPoolExecutor(8) as threads:
        for got, alone in zip(threads.map(tested.model.predict, asked), want, strict=True):
            assert_same(got, alone, "answers on eight threads and on one")


def a_forked_child_answers_the_same(tested: ModelUnderTest) -> None:
    """A child that is forked after the model was used answers, and ends."""
    want = np.asarray(tested.model.predict(tested.x))
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def answer() -> None:
        writing.send_bytes(np.asarray(tested.model.predict(tested.x)).tobytes())

    child: Any = context.Process(target=answer)
    with warnings.catch_warnings():
        # that other threads are about is what this is a check of
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    writing.close()
    got = b""
    with contextlib.suppress(EOFError):  # of a child that ends without an answer
        got = reading.recv_bytes() if reading.poll(_SECONDS) else got
    child.join(_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    if child.exitcode:
        raise AssertionError(f"a forked child must end by itself, and left with {child.exitcode}.")
    if got != want.tobytes():
        raise AssertionError("a forked child must answer the same bit for bit, and does not.")


def a_fresh_python_answers_the_same_and_leaves_nothing(tested: ModelUnderTest) -> None:
    """Another process, with a home of its own: the same bits, no word on stderr, no file."""
    with tempfile.TemporaryDirectory() as folder:
        home, x = Path(folder, "home"), Path(folder, "x.npy")
        home.mkdir()
        np.save(x, tested.x)
        done = subprocess.run(
            [sys.executable, "-c", _FRESH, os.path.abspath(tested.path), str(x)],
            capture_output=True,
            env=_plain(home),
            timeout=_SECONDS,
            check=False,
        )
        left = [str(path.relative_to(home)) for path in home.rglob("*")]
    if done.returncode or done.stderr:
        said = done.stderr.decode(errors="replace")[-300:]
        raise AssertionError(f"a fresh Python must end well and say nothing, and said: {said}")
    if done.stdout != np.asarray(tested.model.predict(tested.x)).tobytes():
        raise AssertionError("a fresh Python must answer the same bit for bit, and does not.")
    if left:
        raise AssertionError(f"nothing must be left in the home folder, and there is {left[:3]}.")


def _plain(home: Path) -> dict[str, str]:
    """Return the environment with a home of its own, and without what may hide telemetry."""
    hiding = ("CI", "ORT_DISABLE_TELEMETRY")
    plain = {name: value for name, value in os.environ.items() if name not in hiding}
    homes = {name: str(home) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "APPDATA")}
    return plain | homes | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
