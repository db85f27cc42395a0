"""A small ray tracer: objects, operator methods, floating point, a few recursive calls a pixel."""

import math
import sys


class Vector:
    __slots__ = ("x", "y", "z")

    def __init__(self, x: float, y: float, z: float) -> None:
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, other: "Vector") -> "Vector":
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: "Vector") -> "Vector":
        return Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def scaled(self, factor: float) -> "Vector":
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other: "Vector") -> float:
        return self.x * other.x + self.y * other.y + self.z * other.z

    def unit(self) -> "Vector":
        return self.scaled(1.0 / math.sqrt(self.dot(self)))


class Sphere:
    def __init__(self, centre: Vector, radius: float, shade: float, mirror: float) -> None:
        self.centre, self.radius, self.shade, self.mirror = centre, radius, shade, mirror

    def distance(self, origin: Vector, direction: Vector) -> float | None:
        offset = origin - self.centre
        half = offset.dot(direction)
        discriminant = half * half - offset.dot(offset) + self.radius * self.radius
        if discriminant < 0:
            return None
        root = -half - math.sqrt(discriminant)
        return root if root > 1e-6 else None

    def normal(self, point: Vector) -> Vector:
        return (point - self.centre).unit()


class Floor:
    def __init__(self, height: float) -> None:
        self.height = height
        self.mirror = 0.1
        self.shade = 0.8

    def distance(self, origin: Vector, direction: Vector) -> float | None:
        if direction.y >= -1e-9:
            return None
        return (self.height - origin.y) / direction.y

    def normal(self, point: Vector) -> Vector:
        return Vector(0.0, 1.0, 0.0)


LIGHT = Vector(-4.0, 6.0, -3.0)
SCENE = [Floor(-1.0)] + [
    Sphere(Vector(n - 2.5, math.sin(n) * 0.5, 4.0 + n % 3), 0.7, 0.3 + n * 0.1, 0.3) for n in range(6)
]


def nearest(origin: Vector, direction: Vector):
    best, thing = math.inf, None
    for candidate in SCENE:
        distance = candidate.distance(origin, direction)
        if distance is not None and distance < best:
            best, thing = distance, candidate
    return best, thing


def shade(origin: Vector, direction: Vector, depth: int) -> float:
    distance, thing = nearest(origin, direction)
    if thing is None:
        return 0.2 + 0.3 * max(direction.y, 0.0)
    normal = thing.normal(point := origin + direction.scaled(distance))
    lifted = point + normal.scaled(1e-4)
    to_light = (LIGHT - point).unit()
    brightness = 0.1
    if nearest(lifted, to_light)[1] is None:
        brightness += max(normal.dot(to_light), 0.0) * thing.shade
    if depth > 0 and thing.mirror > 0:
        reflected = direction - normal.scaled(2.0 * normal.dot(direction))
        brightness += thing.mirror * shade(lifted, reflected.unit(), depth - 1)
    return brightness


side = int(sys.argv[1])
total = 0.0
for row in range(side):
    for column in range(side):
        ray = Vector(2.0 * column / side - 1.0, 1.0 - 2.0 * row / side, 1.5).unit()
        total += shade(Vector(0.0, 0.0, -2.0), ray, 2)
print(f"{total:.9f}")
