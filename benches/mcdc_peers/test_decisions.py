import unittest

import decisions

T, F = True, False
CALLS = {
    "d01": [(T, T), (T, F), (F, T)],
    "d02": [(T, F), (F, F)],
    "d03": [(T, T, T), (F, T, T), (T, F, T), (T, T, F)],
    # Covers every edge and shows neither a nor b: what edges alone cannot tell.
    "d04": [(T, F, F), (F, T, T), (F, F, T)],
    "d05": [(T, F, T), (F, F, T), (F, T, T), (T, F, F)],
    # Every pair differs in one condition: complete in each form.
    "d06": [(T, F, F, T), (F, F, F, T), (F, T, F, T), (F, T, F, F), (F, T, T, F)],
    # c is shown by masking alone.
    "d07": [(T, F, T, F), (F, T, F, F)],
    # Both a are one: no test can make them differ.
    "d08": [(T, T, F), (T, F, T), (T, F, F), (F, F, F)],
    # The evaluation with a true ends by an exception.
    "d09": [(T, 1), (F, 0)],
    "d10": [(T, T), (T, F), (F, F)],
    "d11": [(T, T, F), (F, T, F), (T, F, F), (F, F, T)],
    "d12": [([1, 0], T), ([1], F)],
    "d13": [(2, T), (1, F)],
    "d14": [(T, F), (F, T), (F, F)],
    "d15": [(1, T, T), (1, F, T), (1, T, F)],
    "d16": [(T, F), (F, T), (F, F)],
    "d17": [(1, 2, T), (3, 2, T), (1, 2, F)],
    "d18": [(T, T, T), (F, T, T), (T, F, F)],
    "d19": [(T, T), (F, T), (T, F)],
    "d20": [(T, F), (T, T), (F, F)],
}


class Decisions(unittest.TestCase):
    def test_calls(self):
        for name, calls in CALLS.items():
            for words in calls:
                try:
                    getattr(decisions, name)(*words)
                except (AssertionError, ValueError):
                    pass
