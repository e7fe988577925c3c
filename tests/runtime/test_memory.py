"""The effective memory: after some number of steps the start of a stream no longer matters."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import MEMORY_TOLERANCE as TOLERANCE
from seqrt.errors import InputError, ModelError
from seqrt.runtime.memory import forgetting
from seqrt.runtime.proving.parity import scaled_units


@pytest.fixture
def long() -> np.ndarray:
    """Four sequences of 400 steps, in the raw units of the nets."""
    noise = np.random.default_rng(0).random((4, 400, 2))
    return (noise * [30.0, 3.0] - [0.0, 2.5]).astype(np.float32)


def step_by_step(model, x, state):
    """Return the outputs of every step of x from a state, in scaled units: (T, B, ...)."""
    answers = []
    for t in range(x.shape[1]):
        y, state = model.run(x[:, t : t + 1], None, state)
        answers.append(scaled_units(y, model.manifest.outputs))
    return np.array(answers)


def test_from_the_step_it_names_on_starts_agree_and_before_it_they_do_not(causal, long):
    found = forgetting(causal, long)

    _, reached = causal.run(long[:, :256])
    zero = step_by_step(causal, long, causal.zero_state(4))
    others = [step_by_step(causal, long, np.roll(reached, by, axis=0)) for by in (1, 2)]
    every = np.array([zero, *others])
    apart = np.ptp(every, axis=0).reshape(400, 4, -1).max(axis=-1)
    for steps, distance in zip(found.steps, apart.T, strict=True):
        assert distance[steps - 1 :].max() < TOLERANCE
        assert steps == 1 or distance[steps - 2] >= TOLERANCE
    assert not found.more


def test_a_stream_begun_in_the_middle_is_right_after_so_many_steps(tagger, long):
    steps = forgetting(tagger, long).longest
    whole, late = tagger.stream(), tagger.stream()
    whole.push(long[0, :100])

    right, warmed = whole.push(long[0, 100:200]), late.push(long[0, 100:200])

    outputs = tagger.manifest.outputs
    apart = np.abs(scaled_units(warmed, outputs) - scaled_units(right, outputs))
    assert apart[0].max() > TOLERANCE
    assert apart[steps:].max() < 2 * TOLERANCE


def test_the_finer_the_tolerance_the_longer_the_memory(causal, long):
    steps = [forgetting(causal, long, tolerance=t).longest for t in (1e-2, 1e-3, 1e-5)]

    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


def test_it_belongs_to_the_sequence_not_to_its_row(causal, long):
    found, moved = forgetting(causal, long), forgetting(causal, np.roll(long, 1, axis=0))

    assert moved.steps == tuple(np.roll(found.steps, 1))
    assert (found.longest, found.median) == (max(found.steps), sorted(found.steps)[2])


def test_what_has_not_stayed_together_for_as_long_again_is_more_than_was_tried(causal, long):
    needed = forgetting(causal, long).longest
    assert needed > 3

    found = forgetting(causal, long[:, : needed + 1])

    assert found.more
    assert found.longest == (needed + 1) // 2


def test_a_bidirectional_network_has_no_start_to_forget(bidirectional, long):
    with pytest.raises(ModelError, match="E_STREAM: the memory of a bidirectional network"):
        forgetting(bidirectional, long)


@pytest.mark.parametrize("shape", [(4, 9), (4, 9, 3), (1, 9, 2), (4, 0, 2)])
def test_it_takes_two_sequences_or_more_of_the_features(lstm, shape):
    with pytest.raises(InputError, match="E_INPUT_SHAPE: x must"):
        forgetting(lstm, np.zeros(shape, np.float32))
