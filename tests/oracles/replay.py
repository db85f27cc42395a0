"""A pytest plugin: each process of pytest-xdist writes down which tests it ran, in their order, and a later run does the same.

REPLAY_FOLDER: where the lists are, one id a line. REPLAY: the list that this run follows.

What a test runs depends on what ran before it in its process (caches, imports), so that only the same tests in the same order
can be compared. For the same reason nothing is left to the garbage collector's own time: it would close generators in
whichever test is under way.
"""

import gc
import os
from pathlib import Path

gc.disable()


def pytest_collection_modifyitems(items):
    if "REPLAY" in os.environ:
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[line] for line in Path(os.environ["REPLAY"]).read_text().splitlines()]


def pytest_runtest_logstart(nodeid):
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        with Path(os.environ["REPLAY_FOLDER"], worker).open("a") as file:
            file.write(nodeid + "\n")
