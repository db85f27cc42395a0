"""A plugin that writes which tests ran and which failed, as JSON, to the file in OUTCOMES."""

import json
import os

ran, failed, broken = set(), set(), set()


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome == "failed":
        ran.add(report.nodeid)
    if report.outcome == "failed":
        failed.add(report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        broken.add(report.nodeid)


def pytest_unconfigure():
    with open(os.environ["OUTCOMES"], "w") as file:
        json.dump({"ran": sorted(ran), "failed": sorted(failed), "broken": sorted(broken)}, file)
