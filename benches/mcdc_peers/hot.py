"""Decisions in a hot loop: a tree, a diamond that every evaluation reaches, and one of which a side is never taken."""


def run(rounds):
    found = 0
    for i in range(rounds):
        if i & 1 and i & 2 and i & 4:
            found += 1
        if (i & 1 or i & 2) and i & 4:
            found += 1
        if i & 8 or i & 16:
            found += 1
    return found
