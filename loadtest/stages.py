"""How many over time: `0:0,30:500,60:500,70:0` is none at first, 500 after 30 s, 500 until 60 s, none after 70.

Between two points it changes evenly; two points at one time are a jump. The last point is the end of the run. Pure
arithmetic; knows nothing of what is counted (clients, or new clients a second).
"""

from bisect import bisect_right

import attrs

SECONDS_MAX = 1e6
NUMBER_MAX = 100_000


@attrs.frozen
class Stages:
    """A broken line through (seconds, number), the seconds ascending from 0."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def parse(cls, text: str) -> "Stages":
        """Return what a text such as `0:0,30:500,60:500` says; raise ValueError that tells what would be right."""
        points = []
        for part in text.split(","):
            seconds, _, number = part.partition(":")
            try:
                points.append((float(seconds), float(number)))
            except ValueError:
                raise ValueError(f"{part!r} is not SECONDS:NUMBER, as in 0:0,30:500,60:500,70:0") from None
        return cls.of(points)

    @classmethod
    def of(cls, points: "list[tuple[float, float]]") -> "Stages":
        """Return stages through these points; raise ValueError that tells what would be right."""
        times = [seconds for seconds, _ in points]
        if points[0][0] > 0:  # from nothing, as one who leaves the first point out means it
            points = [(0.0, 0.0), *points]
        if not all(0 <= seconds <= SECONDS_MAX for seconds in times) or times != sorted(times):
            raise ValueError(f"the seconds must ascend from 0, not {', '.join(f'{seconds:g}' for seconds in times)}")
        if not all(0 <= number <= NUMBER_MAX for _, number in points):
            raise ValueError(f"the numbers must be from 0 to {NUMBER_MAX}")
        if points[-1][0] == 0:
            raise ValueError("the last point is the end of the run, and must be later than 0 s")
        if not any(number for _, number in points):
            raise ValueError("some number must be above 0")
        return cls(tuple(points))

    @property
    def length_s(self) -> float:
        """When the run ends."""
        return self.points[-1][0]

    @property
    def most(self) -> float:
        """The largest number."""
        return max(number for _, number in self.points)

    def at(self, seconds: float) -> float:
        """Return the number at a time; after the end, the last."""
        place = bisect_right(self.points, (seconds, float("inf")))
        if place == 0:
            return self.points[0][1]
        if place == len(self.points):
            return self.points[-1][1]
        (start_s, low), (end_s, high) = self.points[place - 1], self.points[place]
        return low + (high - low) * (seconds - start_s) / (end_s - start_s)

    def __str__(self) -> str:
        return ",".join(f"{seconds:g}:{number:g}" for seconds, number in self.points)
