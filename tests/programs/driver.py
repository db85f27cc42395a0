"""Runs programs one after another in one process, each as the main module: what a process of its own would cost."""

import runpy
import sys

names = sys.argv[1:]
del sys.argv[1:]
for name in names:
    print(name, flush=True)
    runpy.run_path(name, run_name="__main__")
