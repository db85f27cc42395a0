"""Runs coverage.py's commands for many cases, each in a process of its own that has coverage.py imported already.

Standard input: a JSON list of {"folder", "environment", "steps"}, where steps are lists of words. Standard output: for each
case a list of {"status", "stdout", "stderr"}.
"""

import json
import os
import sys
import tempfile

import coverage.cmdline
import coverage.annotate, coverage.html, coverage.jsonreport, coverage.lcovreport, coverage.report, coverage.xmlreport


def run(folder, environment, words):
    streams = [tempfile.TemporaryFile() for _ in range(2)]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(folder)
            os.environ.update(environment)
            sys.argv = ["coverage", *words]
            os.dup2(streams[0].fileno(), 1)
            os.dup2(streams[1].fileno(), 2)
            status = coverage.cmdline.main(words)
        except SystemExit as exit:
            status = exit.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status if isinstance(status, int) else 0 if status is None else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read().decode(errors="replace"))
    return {"status": status, "stdout": texts[0], "stderr": texts[1]}


cases = json.load(sys.stdin)
json.dump(
    [[run(case["folder"], case["environment"], words) for words in case["steps"]] for case in cases],
    sys.stdout,
)
