"""Training networks: from data, or tensors of your own, to trained weights. Needs torch.

net = Network(cell="lstm", features=1, units=(64, 32), outputs=1)
for epoch in fit(net, x, y):                # a generator: print, plot or break
    ...

run = start(Plan("sunspots.csv", target=("SUNACTIVITY",), cell="gru"))      # makes a run folder
for epoch in run:
    ...
result = run.finish()                       # metrics beside a baseline, and pictures
run = resume()                              # the newest unfinished run, however it was interrupted
net = load_run(newest_run())
"""

from __future__ import annotations

from seqrt.data import Part
from seqrt.errors import MissingExtraError

try:
    from seqrt.training.experiments.committee import train
    from seqrt.training.inputs.batches import predict
    from seqrt.training.loop.fit import fit
    from seqrt.training.loop.recipe import Recipe
    from seqrt.training.loop.state import Epoch
    from seqrt.training.networks.initialise import chrono_initialise
    from seqrt.training.networks.metadata import Metadata
    from seqrt.training.networks.network import Network
    from seqrt.training.networks.recurrent import Recurrent
    from seqrt.training.networks.stack import Stack
    from seqrt.training.problems.prepare import prepare
    from seqrt.training.problems.problem import Problem
    from seqrt.training.runs.folder import newest_run
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run, resume, start
    from seqrt.training.runs.weights import load_run
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("torch", "safetensors", "tomli_w"):
        raise
    raise MissingExtraError(
        f"training needs {error.name}. Install it with: pip install 'seqrt[train]'"
    ) from None

# Names of earlier versions, which keep working.
About = Metadata
answers = predict
remember = chrono_initialise

__all__ = [
    "About",
    "Epoch",
    "Metadata",
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
    "chrono_initialise",
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
