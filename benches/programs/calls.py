"""Little but calls: naive Fibonacci, Ackermann-like recursion, methods, closures and default arguments."""

import sys

sys.setrecursionlimit(20_000)


def fibonacci(n: int) -> int:
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def takeuchi(x: int, y: int, z: int) -> int:
    if y >= x:
        return z
    return takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y))


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, amount: int = 1) -> "Counter":
        self.count += amount
        return self

    def add_twice(self, amount: int) -> "Counter":
        return self.add(amount).add()


def adder(amount: int):
    def add(value: int) -> int:
        return value + amount

    return add


rounds = int(sys.argv[1])
print(sum(fibonacci(18) for _ in range(rounds)))
print(sum(takeuchi(12, 8, 4) for _ in range(max(1, rounds // 4))))
counter = Counter()
add_three = adder(3)
total = 0
for step in range(rounds * 3_000):
    counter.add_twice(step & 7)
    total = add_three(total) & 0xFFFF
print(counter.count, total)
