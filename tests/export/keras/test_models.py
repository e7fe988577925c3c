"""Models saved by a real Keras become files that answer as Keras did, and as the referee does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from keras_referee import answers

import seqrt
from seqrt.export import import_keras
from seqrt.export.keras import read_keras

FILES = Path(__file__).parent / "files"
NAMES = sorted(path.name for path in FILES.iterdir() if path.suffix in (".keras", ".h5"))
ANSWERS = dict(np.load(FILES / "answers.npz"))
BOUND = 1e-6


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Import each file once; return the model of the runtime and the layers that were read."""
    folder, made = tmp_path_factory.mktemp("imported"), {}

    def make(name):
        if name not in made:
            import_keras(FILES / name, folder / f"{name}.onnx")
            made[name] = seqrt.load(folder / f"{name}.onnx"), read_keras(FILES / name).layers
        return made[name]

    return make


@pytest.mark.parametrize("name", NAMES)
def test_the_referee_computes_what_keras_computed(name):
    layers = read_keras(FILES / name).layers

    for steps in (2, 9):
        wanted = ANSWERS[f"{name} y{steps}"]
        np.testing.assert_allclose(answers(layers, ANSWERS[f"{name} x{steps}"]), wanted, atol=BOUND)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_computes_what_keras_computed(imported, name):
    model, _ = imported(name)

    for steps in (2, 9):
        wanted = ANSWERS[f"{name} y{steps}"]
        y = model.predict(ANSWERS[f"{name} x{steps}"])
        np.testing.assert_allclose(y.reshape(wanted.shape), wanted, atol=BOUND)


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_any_length_are_those_of_the_referee_alone(imported, name, rng):
    model, layers = imported(name)
    lengths = np.array([1, 2, 4, 7, 30], np.int32)
    token = layers[0].kind == "Embedding"
    x = rng.integers(1, 12, (5, 30))
    if not token:
        x = rng.normal(0, 1, (5, 30, len(model.manifest.features))).astype(np.float32)

    y = model.predict(x, lengths=lengths)

    for row, steps in enumerate(lengths):
        wanted = answers(layers, x[row : row + 1, :steps])[0]
        got = y[row, :steps] if name.startswith("every") else y[row]
        np.testing.assert_allclose(got.reshape(wanted.shape), wanted, atol=BOUND)


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("name", ["masked.keras", "tokens-functional.keras"])
def test_a_masked_row_is_the_row_without_its_masked_steps(imported, name, front, rng):
    model, layers = imported(name)
    token = layers[0].kind == "Embedding"
    row = rng.integers(1, 12, (1, 6)) if token else rng.normal(0, 1, (1, 6, 3)).astype(np.float32)
    padding = np.full((1, 4, *row.shape[2:]), 0 if token else -1.0, row.dtype)

    masked = answers(layers, np.concatenate([padding, row] if front else [row, padding], axis=1))

    np.testing.assert_allclose(model.predict(row), masked, atol=BOUND)


def test_the_lstm_of_the_tutorial_is_a_plain_file_that_streams(imported, rng):
    model, _ = imported("tutorial-lstm.keras")
    x = rng.normal(0, 1, (1, 8, 1)).astype(np.float32)

    stream = model.stream()
    for step in x[0]:
        y = stream.push(step)

    assert model.manifest.format == 1
    assert np.array_equal(y, model.predict(x)[0])
    assert model.validate().ok
