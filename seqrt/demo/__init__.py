"""The tutorial: trains an RNN and an LSTM on a series and a task, exports, proves and draws them.

    lessons = []
    for cell in CELLS:
        run = begin(cell, "demo")
        for epoch in run:                       # train
            ...
        lessons.append(conclude(run, "demo"))   # export, prove, predict, measure
    memory = []
    for cell in CELLS:                          # the same for a task that needs a long memory
        run = begin_memory(cell, "demo", EPOCHS)
        for epoch in run:
            ...
        memory.append(conclude_memory(run, "demo"))
    pictures = draw_pictures(lessons, "demo", memory)

`seqrt demo` does this on the command line.
"""

from __future__ import annotations

from seqrt.demo.long_memory import MemoryLesson, begin_memory, conclude_memory, without_memory
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
    "MemoryLesson",
    "baselines",
    "begin",
    "begin_memory",
    "conclude",
    "conclude_memory",
    "draw",
    "draw_pictures",
    "held_out",
    "without_memory",
    "write_data",
]
