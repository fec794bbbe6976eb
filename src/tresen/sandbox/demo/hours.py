"""When people write and when the company answers, in the time of Berlin."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
_OPEN = {**{day: (time(8), time(18)) for day in range(5)}, 5: (time(9), time(13))}
# How many write on a day of the week and in an hour of the day.
_DAYS = (1.35, 1.15, 1.05, 1.0, 0.95, 0.6, 0.5)
_HOURS = (
    *(0.2, 0.1, 0.05, 0.05, 0.1, 0.2, 0.8, 2.0, 3.6, 4.6, 4.8, 4.0),
    *(3.0, 3.2, 3.8, 3.6, 3.2, 2.8, 2.6, 2.8, 2.9, 2.2, 1.2, 0.5),
)
_NIGHT = (22, 23, 0, 0, 1, 1, 2)


def is_open(at: datetime) -> bool:
    """True while somebody is at the desk."""
    local = at.astimezone(BERLIN)
    hours = _OPEN.get(local.weekday())
    return hours is not None and hours[0] <= local.time() < hours[1]


def next_open(at: datetime) -> datetime:
    """`at` itself in opening hours, otherwise the next opening."""
    if is_open(at):
        return at
    local = at.astimezone(BERLIN)
    for ahead in range(8):
        day = local.date() + timedelta(days=ahead)
        hours = _OPEN.get(day.weekday())
        if hours and (opening := datetime.combine(day, hours[0], BERLIN)) >= local:
            return opening.astimezone(at.tzinfo)
    raise AssertionError("the desk opens at least once a week")


def some_moment(first: datetime, last: datetime, random: Random, *, hours: str = "day") -> datetime:
    """A moment between the two at which a customer writes. `hours`: day, open (desk is staffed) or night."""
    days = [first.date() + timedelta(days=n) for n in range((last.date() - first.date()).days + 1)]
    weights = [_DAYS[day.weekday()] for day in days]
    for _ in range(1000):
        day = random.choices(days, weights)[0]
        hour = random.choice(_NIGHT) if hours == "night" else random.choices(range(24), _HOURS)[0]
        moment = time(hour, random.randrange(60), random.randrange(60))
        at = datetime.combine(day, moment, BERLIN).astimezone(first.tzinfo)
        if first <= at <= last and (hours != "open" or is_open(at)):
            return at
    return first + (last - first) * random.random()


def some_pause(channel: str, *, staff: bool, random: Random) -> timedelta:
    """How long a usual answer takes: minutes in a chat, hours by mail."""
    if channel == "chat":
        return timedelta(seconds=random.randint(25, 240) if staff else random.randint(20, 180))
    median = 95 if staff else 190
    minutes = min(random.lognormvariate(0, 0.9) * median, 60 * 30)
    return timedelta(minutes=max(6.0, minutes))
