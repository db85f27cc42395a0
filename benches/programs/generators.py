"""Generators, `yield from`, asynchronous tasks, asynchronous generators and comprehensions."""

import asyncio
import sys


def numbers(stop: int):
    n = 0
    while n < stop:
        yield n
        n += 1


def flatten(tree):
    if isinstance(tree, tuple):
        for branch in tree:
            yield from flatten(branch)
    else:
        yield tree


def accumulate():
    total = 0
    while True:
        received = yield total
        if received is None:
            return
        total += received


def tree(depth: int):
    return depth if depth == 0 else (tree(depth - 1), depth, tree(depth - 1))


class Countdown:
    def __init__(self, start: int) -> None:
        self.left = start

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> int:
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


async def produce(queue: asyncio.Queue, count: int) -> None:
    for n in range(count):
        await queue.put(n)
    await queue.put(None)


async def consume(queue: asyncio.Queue) -> int:
    total = 0
    while (item := await queue.get()) is not None:
        total += item
        if item % 16 == 0:
            await asyncio.sleep(0)
    return total


async def doubled(source):
    async for value in source:
        yield value * 2


async def main(rounds: int) -> int:
    total = 0
    for _ in range(rounds):
        queue: asyncio.Queue = asyncio.Queue(maxsize=32)
        _, consumed = await asyncio.gather(produce(queue, 400), consume(queue))
        total += consumed
        total += sum([value async for value in doubled(Countdown(1_000))])
    return total


size = int(sys.argv[1])
plain = sum(value for value in numbers(20_000 * size) if value % 3)
nested = sum(sum(flatten(tree(10))) for _ in range(size))
running = accumulate()
next(running)
for value in range(20_000 * size):
    last = running.send(value & 15)
print(plain, nested, last, asyncio.run(main(2 * size)))
