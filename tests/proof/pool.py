"""Processes that share a lot of independent cases among the cores."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")


def spread(what: Callable[..., T], cases: Iterable[tuple]) -> Iterator[T]:
    """Given a function and the arguments of each case, yield the results as they come."""
    with ProcessPoolExecutor(
        os.cpu_count() or 1, mp_context=multiprocessing.get_context("spawn"), initializer=_quietly
    ) as pool:
        for done in as_completed([pool.submit(what, *case) for case in cases]):
            yield done.result()


def _quietly() -> None:
    """A worker's log lines are of no interest: there are hundreds of thousands."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # as long as the process lives
