import unittest

import hot


class Hot(unittest.TestCase):
    def test_run(self):
        hot.run(300_000)
