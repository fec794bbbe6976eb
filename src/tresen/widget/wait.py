"""How long a waiting visitor will probably wait, as an honest range or not at all. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

OBSERVED = 3600.0  # seconds we look back
PICKS_MIN = 5  # fewer pick-ups say nothing about the next one
SPREAD = 1.28  # 80 % of a normal distribution lie within this many deviations


@dataclass(frozen=True, slots=True)
class Wait:
    """Place in the queue (1 = next) and the range in seconds; None when too little is known to name one."""

    position: int
    low: int | None
    high: int | None


def estimate(position: int, picks: int, *, observed: float = OBSERVED) -> Wait:
    """The wait until the conversation at `position` is picked up, when `picks` were within `observed` seconds.

    Pick-ups are taken as a Poisson process: the wait for the n-th one has mean n/rate and deviation sqrt(n)/rate. The
    rate itself is known only up to sqrt(picks), which widens the range.
    """
    if picks < PICKS_MIN:
        return Wait(position, None, None)
    mean = position * observed / picks
    spread = SPREAD * mean * sqrt(1 / position + 1 / picks)
    return Wait(position, round(max(0.0, mean - spread)), round(mean + spread))
