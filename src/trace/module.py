"""What minicov tells a program that it measures: a program can say itself which context its code runs in."""

__all__ = ["context", "current", "switch_context"]


def switch_context(label):
    """From now on what this thread runs belongs to the context `label`, "" for none; returns the one it left."""
    if not isinstance(label, str):
        raise TypeError("a context is a str, not " + type(label).__name__)
    return _switch(label)


def current():
    """The context of this thread, "" for none."""
    return _current(None)


class context:
    """with minicov.context(label): what the body runs belongs to the context `label`."""

    def __init__(self, label):
        self.label = label

    def __enter__(self):
        self._before = switch_context(self.label)
        return self

    def __exit__(self, *exception):
        switch_context(self._before)
