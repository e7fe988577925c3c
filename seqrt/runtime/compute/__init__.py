"""Running the graph: on a whole batch, on blocks of it in several threads, or step by step."""

from __future__ import annotations
