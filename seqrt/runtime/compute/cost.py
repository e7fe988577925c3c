"""What a run costs besides its products, and the sizes at which work is cut or shared.

The unit is one multiplication or addition of the recurrent layers, as `Manifest.operations` counts
them for one step of one row. One core does 10 to 100 billion of them a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The matrix kernels take 12 rows at a time (AVX-512) or 6 (AVX2). More than 24 rows gain nothing,
# and smaller blocks are spread over threads more evenly and padded less.
ROWS: Final = 24

# What a run costs besides its steps.
RUN_OVERHEAD: Final = 1_000_000

# What a step of a row costs besides its products.
_STEP_OVERHEAD: Final = 15_000


def step_cost(operations: int) -> int:
    """Return the cost of one step of one row whose products take `operations`."""
    return operations + _STEP_OVERHEAD


@dataclass(frozen=True)
class Limits:
    """The sizes at which work is cut, shared among threads, or left whole.

    They are in operations, unless the name says steps, numbers or bytes. No output depends on them.
    """

    # Nothing can interrupt a run, so it has to end within 10 to 100 ms. In the smallest network a
    # step takes most of a microsecond. What a run stores for its widest layer has to fit into the
    # caches, 2.5 MB as float32: it is written and read again, and the process keeps the memory.
    run: int = 1_000_000_000
    run_steps: int = 20_000
    run_numbers: int = 640_000

    # Handing work to a thread costs about a tenth of the first, starting another block of it about
    # a hundredth of the second.
    thread: int = 10_000_000
    block: int = 50_000_000

    # Handing a batch of predict_iter to a thread costs about as much as the smallest that is handed
    # over. A larger one than the largest keeps all threads busy by itself, and a thread that has
    # begun one could not be stopped soon.
    smallest_task: int = 5_000_000
    largest_task: int = 1_000_000_000

    # The most numbers of x and y of a chunk for which a stream keeps arrays, 64 kB. Longer chunks
    # run so long that it would save nothing.
    bound_numbers: int = 16_384

    # The largest model whose weights may be in memory twice, for a second session.
    copied_bytes: int = 1 << 20


LIMITS: Final = Limits()
