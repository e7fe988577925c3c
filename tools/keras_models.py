"""Compare imported Keras models with a real Keras, or write the files that the tests read.

    python tools/keras_models.py [--cases 200] [--seed 0] [--write]

Needs `pip install keras h5py` beside torch. Draws random chains of layers, saves each as .keras or
.h5, imports it, and compares the file with Keras on rows of other lengths, each row alone, and on
padded and masked batches, in front and behind. Fails if a value is off by more than 1e-5 of the
largest one. --write instead writes what is missing in tests/export/keras/files, with the answers
of Keras.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers as L

import seqrt
from seqrt.errors import SeqrtError
from seqrt.export import import_keras
from seqrt.export.keras import read_keras

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from keras_referee import answers

FILES = Path(__file__).parent.parent / "tests" / "export" / "keras" / "files"
BOUND = 1e-5
LENGTHS = (1, 2, 3, 5, 9, 17, 33)


class Draw:
    """Draws one model."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tokens = int(self.rng.integers(5, 40)) if self.rng.random() < 0.25 else 0
        self.features = int(self.rng.integers(1, 6))
        self.mask = self.rng.random() < 0.4

    def one(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def recurrent(self, *, every: bool) -> Any:
        kind = self.one("SimpleRNN", "LSTM", "GRU", "Both", "Both")
        units = int(self.rng.integers(1, 20))
        cell = kind if kind != "Both" else self.one("SimpleRNN", "LSTM", "GRU")
        options: dict[str, Any] = {"return_sequences": every, "use_bias": self.rng.random() < 0.85}
        options["bias_initializer"] = options["kernel_initializer"] = "glorot_normal"
        options["bias_initializer"] = keras.initializers.RandomNormal(stddev=0.4)
        if cell == "GRU":
            options["reset_after"] = self.rng.random() < 0.7
        if cell != "SimpleRNN" and self.rng.random() < 0.3:
            options["activation"] = self.one("tanh", "relu", "sigmoid")
            options["recurrent_activation"] = self.one("sigmoid", "hard_sigmoid")
            options["recurrent_initializer"] = keras.initializers.RandomNormal(stddev=0.2)
        if kind in ("LSTM", "GRU") and self.rng.random() < 0.2:
            return self.cells(cell, units, every=every)
        if cell == "SimpleRNN":
            options["activation"] = self.one("tanh", "tanh", "relu", "linear")
            options["recurrent_initializer"] = keras.initializers.RandomNormal(stddev=0.2)
        if kind == "Both":
            merge = self.one("concat", "sum", "mul", "ave")
            return L.Bidirectional(getattr(L, cell)(units, **options), merge_mode=merge)
        backwards = self.rng.random() < 0.2 and not (self.mask and every)
        return getattr(L, cell)(units, go_backwards=backwards, **options)

    def cells(self, cell: str, units: int, *, every: bool) -> Any:
        """An RNN layer of one cell or of several, half of them in a model of its own."""
        kinds = [cell, *(self.one("LSTM", "GRU") for _ in range(self.rng.integers(3)))]
        made = [getattr(L, f"{kind}Cell")(units + i) for i, kind in enumerate(kinds)]
        layer = L.RNN(made if len(made) > 1 else made[0], return_sequences=every)
        whole = self.mask or self.rng.random() < 0.5
        return layer if whole else keras.Sequential([layer, L.Dropout(0.1)])

    def between(self) -> list[Any]:
        dense = int(self.rng.integers(1, 12))
        activation = self.one(
            *("relu", "tanh", "elu", "hard_sigmoid", "silu", "softplus", "gelu", "linear", "selu"),
            *("softsign", "mish", "relu6"),
        )
        choices: list[list[Any]] = [
            [],
            [L.Dropout(0.2)],
            [L.LayerNormalization()],
            [L.BatchNormalization()],
            [L.Dense(dense, activation=activation)],
            [L.TimeDistributed(L.Dense(dense, activation=activation))],
            [L.Activation(activation)],
            [L.LeakyReLU(negative_slope=0.1)],
            [L.SpatialDropout1D(0.1), L.GaussianNoise(0.1)],
        ]
        if not self.mask:
            choices.append(
                [
                    L.Conv1D(
                        dense,
                        int(self.rng.integers(1, 5)),
                        padding=self.one("causal", "same"),
                        dilation_rate=int(self.rng.integers(1, 3)),
                        activation=self.one("linear", "relu"),
                    )
                ]
            )
        return self.one(*choices)

    def layers(self) -> list[Any]:
        if self.tokens:
            found = [keras.Input((None,), dtype="int32")]
            found += [L.Embedding(self.tokens, 6, mask_zero=self.mask)]
        else:
            found = [keras.Input((None, self.features))]
            if self.mask:
                found.append(L.Masking(self.one(0.0, -1.0)))
            elif self.rng.random() < 0.3:
                norm = L.Normalization()
                norm.adapt(self.rng.normal(3, 2, (50, self.features)).astype("f4"))
                found.append(norm)
        for _ in range(self.rng.integers(0, 3)):
            found += [*self.between(), self.recurrent(every=True)]
        found += self.between()
        ending = self.rng.random()
        if ending < 0.2:
            found += [self.recurrent(every=True), L.Dense(2)]
        elif ending < 0.4:
            pool = L.GlobalAveragePooling1D
            pool = pool if self.mask or self.rng.random() < 0.5 else L.GlobalMaxPooling1D
            found += [self.recurrent(every=True), pool(), L.Dense(3)]
        elif ending < 0.5:
            found += [self.recurrent(every=False), L.RepeatVector(4)]
            found += [L.LSTM(5, return_sequences=True), L.TimeDistributed(L.Dense(1))]
        else:
            last = self.one("linear", "softmax", "sigmoid", "tanh", "exponential")
            found += [self.recurrent(every=False), L.Dense(3, activation=last)]
        return found

    def model(self) -> Any:
        layers = self.layers()
        if self.rng.random() < 0.3:
            value = layers[0]
            for layer in layers[1:]:
                value = layer(value)
            return keras.Model(layers[0], value)
        return keras.Sequential(layers)

    def weights(self, model: Any) -> None:
        """Give normalisations statistics that are not those they start with."""
        for layer in model.layers:
            if isinstance(layer, L.BatchNormalization):
                size = layer.moving_mean.shape[0]
                layer.moving_mean.assign(self.rng.normal(0, 1, size))
                layer.moving_variance.assign(self.rng.uniform(0.2, 2, size))
                layer.gamma.assign(self.rng.normal(1, 0.3, size))
                layer.beta.assign(self.rng.normal(0, 0.3, size))

    def rows(self) -> list[Any]:
        if self.tokens:
            return [self.rng.integers(1, self.tokens, n) for n in LENGTHS]
        return [self.rng.normal(0, 1, (n, self.features)).astype("f4") for n in LENGTHS]


def masks_of(layers: Any) -> list[float]:
    found = [each.options["mask_value"] for each in layers if each.kind == "Masking"]
    return found + [0 for e in layers if e.kind == "Embedding" and e.options["mask_zero"]]


def worst(model: Any, path: Path, rows: list[Any], folder: Path) -> tuple[float, float]:
    """Return the largest errors of the file and of the referee, relative to the largest value."""
    out = folder / "m.onnx"
    import_keras(path, out)
    file, read = seqrt.load(out), read_keras(path).layers
    x = np.zeros((len(rows), max(LENGTHS), *rows[0].shape[1:]), rows[0].dtype)
    for place, row in enumerate(rows):
        x[place, : len(row)] = row
    lengths = np.array([len(row) for row in rows], np.int32)
    got = file.predict(x, lengths=lengths)
    alone = [model.predict(row[None], verbose=0)[0] for row in rows]
    steps = got.ndim == 3 and got.shape[1] == x.shape[1] and alone[-1].ndim == 2
    steps = steps and len(alone[0]) == len(rows[0])
    size = max(1.0, *(float(np.abs(y).max()) for y in alone))
    error = off = 0.0
    for place, (row, wanted) in enumerate(zip(rows, alone, strict=True)):
        mine = got[place, : len(row)] if steps else got[place]
        error = max(error, float(np.abs(mine.reshape(wanted.shape) - wanted).max()))
        off = max(off, float(np.abs(answers(read, row[None])[0] - wanted).max()))
    for value in masks_of(read):
        for front in (False, True):
            padded = np.full_like(x, value)
            for place, row in enumerate(rows):
                padded[place, slice(-len(row), None) if front else slice(len(row))] = row
            masked = model.predict(padded, verbose=0)
            referee = answers(read, padded)
            for place, row in enumerate(rows):
                part = slice(-len(row), None) if front else slice(len(row))
                wanted = masked[place][part] if steps else masked[place]
                mine = got[place, : len(row)] if steps else got[place]
                error = max(error, float(np.abs(mine.reshape(wanted.shape) - wanted).max()))
                theirs = referee[place][part] if steps else referee[place]
                off = max(off, float(np.abs(theirs - wanted).max()))
    return error / size, off / size


def compare(cases: int, seed: int) -> bool:
    errors, refused = [], Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in range(seed, seed + cases):
            keras.utils.set_random_seed(case)
            draw = Draw(case)
            model = draw.model()
            draw.weights(model)
            legacy = case % 3 == 0
            path = folder / ("m.h5" if legacy else "m.keras")
            model.save(path)
            try:
                found = worst(model, path, draw.rows(), folder)
            except SeqrtError as error:
                refused[str(error)] += 1
                print(f"case {case}: refused: {error}", flush=True)
                continue
            errors.append(found)
            if not max(found) <= BOUND:
                print(f"case {case}: off by {found}", [e.name for e in model.layers], flush=True)
    largest = np.max(errors, axis=0)
    print(
        f"{len(errors)} of {cases} models imported, {sum(refused.values())} refused; worst error of"
        f" the files {largest[0]:.1e}, of the float64 referee {largest[1]:.1e}"
    )
    return bool(largest.max() <= BOUND)


def tutorial(cell: str) -> Any:
    """The network of the tutorial in a small size, fitted as there."""
    layer = getattr(L, cell)
    model = keras.Sequential(
        [
            keras.Input((10, 1)),
            layer(16, return_sequences=True),
            L.Dropout(0.1),
            layer(8),
            L.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    series = np.sin(np.arange(400) / 5).astype("f4")
    x = np.lib.stride_tricks.sliding_window_view(series, 10)[:-1, :, None]
    model.fit(x, series[10:], epochs=1, batch_size=32, verbose=0)
    return model


def fixtures() -> dict[str, Any]:
    ids = keras.Input((None,), dtype="int32")
    value = L.Embedding(12, 4, mask_zero=True)(ids)
    value = L.LSTM(5)(L.Bidirectional(L.GRU(4, return_sequences=True))(value))
    norm = L.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 2, (50, 3)).astype("f4"))
    return {
        "tutorial-lstm.keras": tutorial("LSTM"),
        "tutorial-rnn.h5": tutorial("SimpleRNN"),
        "tokens-functional.keras": keras.Model(ids, L.Dense(3, activation="softmax")(value)),
        "masked.keras": keras.Sequential(
            [
                keras.Input((None, 3)),
                L.Masking(-1.0),
                L.SimpleRNN(5, activation="linear", return_sequences=True),
                L.Bidirectional(L.LSTM(4), merge_mode="ave"),
                L.Dense(2, activation="hard_sigmoid"),
            ]
        ),
        "encoder-decoder.keras": keras.Sequential(
            [
                keras.Input((None, 3)),
                norm,
                L.TimeDistributed(L.Dense(4, activation="elu")),
                L.LayerNormalization(),
                L.Conv1D(4, 3, padding="causal", activation="relu"),
                L.BatchNormalization(),
                L.GRU(5),
                L.RepeatVector(3),
                L.LSTM(4, return_sequences=True),
                L.TimeDistributed(L.Dense(1)),
            ]
        ),
        "reset-before.h5": keras.Sequential(
            [
                keras.Input((None, 2)),
                L.GRU(4, reset_after=False, return_sequences=True),
                L.GRU(3, go_backwards=True, reset_after=False),
                L.Dense(1),
            ]
        ),
        "functions.h5": keras.Sequential(
            [
                keras.Input((None, 3)),
                L.LSTM(4, activation="relu", return_sequences=True),
                L.Bidirectional(
                    L.GRU(3, activation="sigmoid", recurrent_activation="hard_sigmoid")
                ),
                L.Dense(2),
            ]
        ),
        "nested.keras": keras.Sequential(
            [
                keras.Input((None, 3)),
                keras.Sequential([L.RNN([L.GRUCell(4), L.LSTMCell(5)], return_sequences=True)]),
                L.RNN(L.LSTMCell(3), return_sequences=True),
                keras.Sequential([L.LSTM(4, recurrent_activation="hard_sigmoid"), L.Dense(2)]),
                L.Dense(2),
            ]
        ),
        "nested.h5": keras.Sequential(
            [
                keras.Input((None, 2)),
                keras.Sequential([L.RNN([L.GRUCell(4), L.LSTMCell(5)], return_sequences=True)]),
                keras.Sequential([L.GRU(4, activation="relu"), L.Dense(2)]),
            ]
        ),
        "every-step.h5": keras.Sequential(
            [
                keras.Input((None, 2)),
                L.GRU(4, return_sequences=True, use_bias=False),
                L.Dense(2, activation="softmax"),
            ]
        ),
    }


def deflate(path: Path) -> None:
    """Compress the members of a .keras file, which Keras only stores."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write() -> None:
    FILES.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    found = dict(np.load(FILES / "answers.npz")) if (FILES / "answers.npz").exists() else {}
    for name, model in fixtures().items():
        if (FILES / name).exists():
            continue
        model.save(FILES / name)
        if name.endswith(".keras") and "tutorial" not in name:
            deflate(FILES / name)
        features = model.input_shape[2:]
        for steps in (2, 9):
            x = rng.normal(0, 1, (2, steps, *features)).astype("f4")
            if not features:
                x = rng.integers(1, 12, (2, steps))
            found[f"{name} x{steps}"] = x
            found[f"{name} y{steps}"] = model.predict(x, verbose=0)
    np.savez_compressed(FILES / "answers.npz", **found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        write()
        return 0
    return 0 if compare(options.cases, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
