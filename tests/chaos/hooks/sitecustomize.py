"""Loaded by every process of a harness: lets a test slow the tiny network down, or kill it.

The product has no such switch; this wraps `inference.engines.TinyEngine` when it is imported.
"""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from pathlib import Path

MODULE = "inference.engines"


def wrap(engine):
    honest = engine.features

    def features(self, pixels):
        slow = Path(os.environ["TEST_HOOKS"]) / "slow"
        if slow.exists() and pixels.any():  # not while warming up
            time.sleep(float(slow.read_text()))
        half = pixels.shape[2] // 2
        for picture in pixels:
            if picture[:, :half].mean() > 0.8 and picture[:, half:].mean() < 0.2:
                os.kill(os.getpid(), signal.SIGKILL)
        return honest(self, pixels)

    engine.features = features


class Finder(importlib.abc.MetaPathFinder):
    """Hands the module out wrapped, once."""

    def find_spec(self, name, path=None, target=None):
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            wrap(module.TinyEngine)

        spec.loader.exec_module = exec_module
        return spec


if os.environ.get("TEST_HOOKS"):
    sys.meta_path.insert(0, Finder())
