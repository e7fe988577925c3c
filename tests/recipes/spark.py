"""Spark: the answers of a model beside each row of a DataFrame, by way of `mapInPandas`."""

import numpy as np

import seqrt


def answers_of(path):
    """Return a function for `mapInPandas`: to each row with a sequence `x` it adds the answer `y`.

    x is array<array<float>>, its steps. y is array<float>, or x's type for one answer a step.
    """
    model = seqrt.load(path, threads=1)  # sent to each worker as the bytes of its file
    width = len(model.manifest.features)

    def answer(frames):
        for frame in frames:
            x = [np.reshape(list(steps), (len(steps), width)) for steps in frame["x"]]
            yield frame.assign(y=[y.tolist() for y in model.predict(x)])

    return answer
