"""The tutorial: trains an RNN and an LSTM on a chaotic series, exports and proves both, draws them.

    lessons = []
    for cell in CELLS:
        run = begin(cell, "demo")
        for epoch in run:                       # train
            ...
        lessons.append(conclude(run, "demo"))   # export, prove, predict, measure
    pictures = draw_pictures(lessons, "demo")

`seqrt demo` does this on the command line.
"""

from __future__ import annotations

from seqrt.demo.pictures import draw_pictures
from seqrt.demo.tutorial import (
    CELLS,
    EPOCHS,
    Lesson,
    baselines,
    begin,
    conclude,
    held_out,
    write_data,
)

# The name of draw_pictures in seqrt 0.1.0.
draw = draw_pictures

__all__ = [
    "CELLS",
    "EPOCHS",
    "Lesson",
    "baselines",
    "begin",
    "conclude",
    "draw",
    "draw_pictures",
    "held_out",
    "write_data",
]
