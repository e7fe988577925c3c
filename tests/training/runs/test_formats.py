"""One table in several formats trains one network, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqrt.training import Plan, load_run, start

NAMES = ("x0", "x1", "x2")


@pytest.fixture
def values():
    rng = np.random.default_rng(11)
    walk = rng.standard_normal((160, 3)).cumsum(axis=0)
    walk[:, 2] = np.round(100 * walk[:, 2])
    return walk


def as_csv(path, values, mark=",", decimal="."):
    rows = [mark.join(repr(float(cell)).replace(".", decimal) for cell in row) for row in values]
    path.write_text("\n".join([mark.join(NAMES), *rows]) + "\n")


def as_parquet(path, values):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is optional")
    from pyarrow import parquet

    columns = [values[:, 0], values[:, 1], values[:, 2].astype(np.int64)]
    parquet.write_table(pyarrow.table(dict(zip(NAMES, columns, strict=True))), path)


WRITERS = {
    "t.csv": as_csv,
    "semicolons.csv": lambda path, values: as_csv(path, values, ";", ","),
    "t.parquet": as_parquet,
    "t.npy": np.save,
}


def trained(path):
    plan = Plan(str(path), target=("x1",), window=8, units=(5,), epochs=3, threads=1)
    run = start(plan, path.with_name(f"{path.name}.run"))
    for _ in run:
        pass
    run.finish()
    return run.problem, load_run(run.path)


def test_features_windows_and_weights_are_those_of_every_other_format(tmp_path, values):
    found = {}
    for name, write in WRITERS.items():
        write(tmp_path / name, values)
        found[name] = trained(tmp_path / name)

    problem, net = found.pop("t.npy")
    for name, (other, weights) in found.items():
        assert other.metadata.features == problem.metadata.features, name
        assert np.array(other.train.x).tobytes() == np.array(problem.train.x).tobytes(), name
        assert other.train.truth.tobytes() == problem.train.truth.tobytes(), name
        for key, value in net.state_dict().items():
            assert torch.equal(weights.state_dict()[key], value), (name, key)
