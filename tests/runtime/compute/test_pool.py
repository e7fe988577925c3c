"""A pool runs the calls of an owner who never waits for one that has not started."""

from __future__ import annotations

import _thread
import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest

from seqrt.runtime.compute.pool import Call, Pool


def test_a_thread_runs_the_call_and_its_owner_has_the_result():
    begun = threading.Event()

    call = Pool(1).submit(lambda: (begun.set(), _thread.get_ident())[1])

    assert begun.wait(600)
    assert call.result() != _thread.get_ident()


def test_a_call_that_no_thread_has_started_runs_in_its_owner():
    assert Call(_thread.get_ident).result() == _thread.get_ident()


def test_a_call_runs_once_whoever_comes_first():
    pool, made = Pool(3), []

    for number in range(2000):
        call = pool.submit(lambda number=number: made.append(number))
        call.result()

    assert made == list(range(2000))


def test_a_call_that_is_cancelled_does_not_start():
    pool, hold, made = Pool(1), threading.Event(), []
    first = pool.submit(lambda: hold.wait(600))
    second = pool.submit(lambda: made.append(1))

    second.cancel()
    hold.set()
    first.result()
    pool.submit(lambda: None).result()

    assert made == []


class Big:
    """Something that a weak reference can watch."""


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_call_is_kept_when_it_is_over(fails):
    gc.disable()
    try:
        pool, begun, big = Pool(1), threading.Event(), Big()
        watched = weakref.ref(big)

        def made(big=big):
            begun.set()
            if fails:
                raise ValueError("no")

        call = pool.submit(made)
        assert begun.wait(600)
        if fails:
            with pytest.raises(ValueError, match="no"):
                call.result()
        else:
            call.result()
        del big, made, call
        _until(lambda: watched() is None)
    finally:
        gc.enable()


def test_the_threads_end_when_the_pool_is_no_longer_in_use(threads_alive):
    pool = Pool(3)
    gate = threading.Barrier(4)
    calls = [pool.submit(lambda: gate.wait(600)) for _ in range(3)]
    gate.wait(600)
    for call in calls:
        call.result()
    assert threads_alive() == 3

    del pool

    _until(lambda: not threads_alive())


def test_a_process_does_not_end_in_the_middle_of_a_call():
    code = """
import os, threading, time
from seqrt.runtime.compute.pool import Pool

pool, begun = Pool(1), threading.Event()
pool.submit(lambda: (begun.set(), time.sleep(0.5), os.write(1, b"over")))
begun.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=600
    )

    assert (done.stdout, done.stderr) == (b"over", b"")


def _until(true):
    """Wait until it is true: threads end when they get to it."""
    end = time.monotonic() + 600
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
