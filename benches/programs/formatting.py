"""A pretty-printer of nested data: recursion, type tests, string building and joining."""

import hashlib
import sys


def build(depth: int, seed: int) -> object:
    """Nested lists, dictionaries and tuples whose shape follows from the seed alone."""
    kind = (seed * 2654435761 >> 7) % 6
    if depth == 0 or kind == 0:
        return seed % 1000 if seed % 3 else f"text {seed % 97}"
    if kind < 3:
        return [build(depth - 1, seed * 3 + n) for n in range(4)]
    if kind < 5:
        return {f"key{n}": build(depth - 1, seed * 5 + n) for n in range(4)}
    return tuple(build(depth - 1, seed * 7 + n) for n in range(3))


class Printer:
    """Writes data on one line where it fits in `width` columns, else one item a line."""

    def __init__(self, width: int) -> None:
        self.width = width

    def flat(self, data: object) -> str:
        if isinstance(data, dict):
            return "{" + ", ".join(f"{key!r}: {self.flat(value)}" for key, value in data.items()) + "}"
        if isinstance(data, list):
            return "[" + ", ".join(self.flat(item) for item in data) + "]"
        if isinstance(data, tuple):
            return "(" + ", ".join(self.flat(item) for item in data) + ("," if len(data) == 1 else "") + ")"
        return repr(data)

    def lines(self, data: object, indent: int) -> list[str]:
        flat = self.flat(data)
        if len(flat) + indent <= self.width or not isinstance(data, (dict, list, tuple)):
            return [" " * indent + flat]
        if isinstance(data, dict):
            opening, closing = "{", "}"
        elif isinstance(data, list):
            opening, closing = "[", "]"
        else:
            opening, closing = "(", ")"
        result = [" " * indent + opening]
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            inner = self.lines(value, indent + 2)
            if isinstance(data, dict):
                inner[0] = " " * (indent + 2) + f"{key!r}: " + inner[0].lstrip()
            inner[-1] += ","
            result.extend(inner)
        result.append(" " * indent + closing)
        return result


digest = hashlib.sha256()
for round_number in range(int(sys.argv[1])):
    text = "\n".join(Printer(80).lines([build(6, round_number * 31 + n) for n in range(8)], 0))
    digest.update(text.encode())
print(digest.hexdigest())
