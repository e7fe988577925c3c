"""joblib's workers, processes or threads, predict what one Model predicts, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import seqrt

joblib = pytest.importorskip("joblib")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_workers_answer_in_order_as_one_model(lstm, x, backend):
    model = seqrt.load(lstm)
    parts = np.array_split(x, 7)

    # Parts above max_nbytes reach processes as memory-mapped, read-only files.
    workers = joblib.Parallel(n_jobs=2, backend=backend, max_nbytes=10_000)
    answers = workers(joblib.delayed(model.predict)(part) for part in parts)

    np.testing.assert_array_equal(np.concatenate(answers), model.predict(x))


def test_an_error_of_a_worker_keeps_its_class_and_words(lstm):
    model = seqrt.load(lstm)

    with pytest.raises(seqrt.InputError, match=r"^E_INPUT_SHAPE: x must have shape"):
        joblib.Parallel(n_jobs=2)(joblib.delayed(model.predict)(x) for x in [np.zeros((3, 4, 5))])
