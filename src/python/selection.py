"""Leaves out tests that need not run. minicov makes this module in memory; pytest takes it as a plugin.

PYTEST_DONT_REWRITE
"""

# Node ids; minicov sets them.
UNNEEDED = frozenset()


def pytest_collection_modifyitems(config, items):
    unneeded = [item for item in items if item.nodeid in UNNEEDED]
    if unneeded:
        items[:] = [item for item in items if item.nodeid not in UNNEEDED]
        config.hook.pytest_deselected(items=unneeded)


# What pytest.hookimpl(trylast=True) would set; pytest is not to be imported before it runs.
pytest_collection_modifyitems.pytest_impl = {
    "wrapper": False,
    "hookwrapper": False,
    "optionalhook": False,
    "tryfirst": False,
    "trylast": True,
    "specname": None,
}


def pytest_sessionfinish(session, exitstatus):
    # 5: no test ran. That is as it should be where none must.
    if exitstatus == 5 and UNNEEDED:
        session.exitstatus = 0
