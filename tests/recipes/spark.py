"""Spark: a column of predictions for the rows of a DataFrame, by `mapInPandas`."""

import numpy as np

import seqrt


def predictor(path):
    """Return a function for `mapInPandas` that adds predictions `y` to rows with sequences `x`.

    x is array<array<float>>, the steps of a sequence. y is array<float>, or
    array<array<float>> if the model predicts at every step.
    """
    model = seqrt.load(path, threads=1)  # sent to each worker as the bytes of its file
    width = len(model.manifest.features)

    def predict(frames):
        for frame in frames:
            x = [np.reshape(list(steps), (len(steps), width)) for steps in frame["x"]]
            yield frame.assign(y=[y.tolist() for y in model.predict(x)])

    return predict
