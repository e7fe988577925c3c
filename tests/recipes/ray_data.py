"""Ray Data: workers that hold the model, and answer more sequences than one machine can."""

from ray.data import ActorPoolStrategy

import seqrt


class Predictor:
    """A worker: it gets the model once, as the bytes of its file, then batch after batch."""

    def __init__(self, model):
        self.model = model

    def __call__(self, batch):
        x = batch["x"]  # (B, T, D), or B arrays (T_i, D) where lengths differ
        y = self.model.predict(list(x) if x.dtype == object else x)
        return {**batch, "y": y}


def predict(dataset, path, workers):
    """Give each row of `dataset`, a sequence `x`, the answer `y` of the model at `path`."""
    return dataset.map_batches(
        Predictor,
        fn_constructor_args=[seqrt.load(path, threads=1)],  # a processor for each worker
        compute=ActorPoolStrategy(min_size=1, max_size=workers),
        num_cpus=1,
        batch_size=1024,
    )
