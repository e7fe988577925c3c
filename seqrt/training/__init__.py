"""Data, networks and fitting: everything that needs torch and ends in a network's weights.

net = Network(cell="lstm", features=1, units=(64, 32), outputs=1)
for epoch in fit(net, x, y):                # a generator: print, plot or break
    ...

run = start(Plan("sunspots.csv", target=("SUNACTIVITY",), cell="gru"))      # a file, a folder
for epoch in run:
    ...
result = run.finish()                       # figures beside a baseline, and pictures
run = resume()                              # the newest unfinished run, whatever ended it
net = load_run(newest_run())
"""

from __future__ import annotations

from seqrt.data import Part
from seqrt.errors import MissingExtraError

try:
    from seqrt.training.inputs.batches import predict
    from seqrt.training.loop.fit import fit
    from seqrt.training.loop.recipe import Recipe
    from seqrt.training.loop.state import Epoch
    from seqrt.training.networks.initialise import remember
    from seqrt.training.networks.metadata import About
    from seqrt.training.networks.network import Network
    from seqrt.training.networks.recurrent import Recurrent
    from seqrt.training.networks.stack import Stack
    from seqrt.training.problems.prepare import prepare
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.folder import load_run, newest_run
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run, resume, start, train
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("torch", "safetensors", "tomli_w"):
        raise
    raise MissingExtraError(
        f"training needs {error.name}. Install it with: pip install 'seqrt[train]'"
    ) from None

answers = predict  # its former name

__all__ = [
    "About",
    "Epoch",
    "Network",
    "Part",
    "Plan",
    "Problem",
    "Recipe",
    "Recurrent",
    "Result",
    "Run",
    "Stack",
    "answers",
    "fit",
    "load_run",
    "newest_run",
    "predict",
    "prepare",
    "remember",
    "resume",
    "start",
    "train",
]
