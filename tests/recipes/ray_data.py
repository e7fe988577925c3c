"""Ray Data: a pool of workers that predict more sequences than one machine can."""

from ray.data import ActorPoolStrategy

import seqrt


class Predictor:
    """A worker: receives the model once, as the bytes of its file, and then batch after batch."""

    def __init__(self, model):
        self.model = model

    def __call__(self, batch):
        x = batch["x"]  # (B, T, D), or B arrays (T_i, D) if their lengths differ
        y = self.model.predict(list(x) if x.dtype == object else x)
        return {**batch, "y": y}


def predict(dataset, path, workers):
    """Add a column `y` to `dataset`: the predictions of the model at `path` for the column `x`."""
    return dataset.map_batches(
        Predictor,
        fn_constructor_args=[seqrt.load(path, threads=1)],  # one processor per worker
        compute=ActorPoolStrategy(min_size=1, max_size=workers),
        num_cpus=1,
        batch_size=1024,
    )
