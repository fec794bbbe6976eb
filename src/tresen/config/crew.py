"""The threads that do the work behind the counter: receipts, journal, jobs, pull channels."""

from __future__ import annotations

import os

from tresen.channels import processing, pulling
from tresen.config import jobs as registered_jobs
from tresen.config.network import Exceptions
from tresen.config.subscriptions import SUBSCRIPTIONS
from tresen.kernel import jobs, journal
from tresen.kernel.runner import Crew, Loop
from tresen.kernel.subscriptions import Dispatcher
from tresen.sandbox.mail.office import PostOffice

JOB_THREADS = 3

__all__ = ["WorkCrew", "registered_jobs"]


class WorkCrew(Crew):
    """Also ends the pullers, and gives their leases back. The demo's mail provider runs with it."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher(SUBSCRIPTIONS)
        self.pullers = pulling.Pullers()
        self.post_office = PostOffice()
        self.network = Exceptions(lambda: list(self.post_office.hosts))
        workers = [Loop(f"jobs-{n}", jobs.run_one, jobs.TOPIC) for n in range(1, JOB_THREADS + 1)]
        super().__init__(
            [
                Loop("receipts", processing.step, processing.TOPIC, linger=0.04),
                Loop("journal", self.dispatcher.step, journal.TOPIC, linger=0.01),
                Loop("retries", self.dispatcher.retry_due),
                Loop("leases", jobs.hold, every=jobs.HOLD_EVERY),
                Loop("pullers", self.pullers.step, every=2.0),
                self.network.loop(),
                *workers,
            ]
        )

    def start(self) -> None:
        jobs.take_over()
        jobs.schedule_recurring()
        if os.environ.get("TRESEN_ROLE", "all") == "all":
            self.post_office.start()
        self.network.step()
        super().start()

    def stop(self, timeout: float = 10.0) -> None:
        super().stop(timeout)
        self.pullers.stop()
        self.post_office.stop()
