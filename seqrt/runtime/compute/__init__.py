"""Running the graph: a whole batch, blocks of it on several threads, or step by step."""

from __future__ import annotations
