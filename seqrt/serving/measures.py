"""What a server counts, as Prometheus reads it."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from typing import Final

# Upper bounds in seconds.
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Measures:
    """Inference requests by status, errors by code, seconds to a response, steps computed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[str] = Counter()
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._steps = 0

    def add(self, status: int, code: str, seconds: float, steps: int) -> None:
        """Count one request; `code` is that of its error, empty if there was none."""
        with self._lock:
            self._statuses[status] += 1
            if status >= 400:
                self._errors[code or "other"] += 1
            self._buckets[bisect_left(BOUNDS, seconds)] += 1
            self._seconds += seconds
            self._steps += steps

    def text(self, live: int, expired: int) -> str:
        """Return everything in Prometheus's text format, with the sequences that are live."""
        with self._lock:
            lines = [
                *_series("seqrt_requests_total", "counter", "Inference requests by HTTP status."),
                *_labelled("seqrt_requests_total", "status", self._statuses),
                *_series(
                    "seqrt_errors_total", "counter", "RefusedRequest or failed requests by code."
                ),
                *_labelled("seqrt_errors_total", "code", self._errors),
                *_series("seqrt_request_seconds", "histogram", "Seconds to a response."),
                *self._histogram("seqrt_request_seconds"),
                *_series("seqrt_steps_total", "counter", "Steps of sequences computed."),
                f"seqrt_steps_total {self._steps}",
            ]
        lines += _series("seqrt_live_streams", "gauge", "Sequences that are live.")
        lines.append(f"seqrt_live_streams {live}")
        lines += _series("seqrt_expired_streams_total", "counter", "Sequences dropped when idle.")
        lines.append(f"seqrt_expired_streams_total {expired}")
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> list[str]:
        lines, total = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._seconds:.9g}", f"{name}_count {total}"]


def _series(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]


def _labelled(name: str, label: str, counts: Counter[int] | Counter[str]) -> list[str]:
    return [f'{name}{{{label}="{key}"}} {count}' for key, count in sorted(counts.items())]
