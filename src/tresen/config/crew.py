"""The threads that do the work behind the counter: receipts, journal, jobs, pull channels."""

from __future__ import annotations

import os

from tresen.channels import processing, pulling
from tresen.config import jobs as registered_jobs
from tresen.config.subscriptions import SUBSCRIPTIONS
from tresen.kernel import jobs, journal
from tresen.kernel.addresses import configure_exceptions
from tresen.kernel.runner import Crew, Loop
from tresen.kernel.subscriptions import Dispatcher
from tresen.sandbox.mail.office import PostOffice

JOB_THREADS = 3

__all__ = ["make_crew", "registered_jobs"]


class WorkCrew(Crew):
    """Also ends the pullers, and gives their leases back. Beside it runs the demo's mail provider, if there is a demo."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher(SUBSCRIPTIONS)
        self.pullers = pulling.Pullers()
        self.post_office = PostOffice()
        workers = [Loop(f"jobs-{n}", jobs.run_one, jobs.TOPIC) for n in range(1, JOB_THREADS + 1)]
        super().__init__(
            [
                Loop("receipts", processing.step, processing.TOPIC, linger=0.015),
                Loop("journal", self.dispatcher.step, journal.TOPIC, linger=0.01),
                Loop("retries", self.dispatcher.retry_due),
                Loop("pullers", self.pullers.step, every=2.0),
                *workers,
            ]
        )

    def start(self) -> None:
        jobs.take_over()
        jobs.schedule_recurring()
        if os.environ.get("TRESEN_ROLE", "all") == "all":
            self.post_office.start()
            configure_exceptions([*allowed_hosts(), *self.post_office.hosts])
        super().start()

    def stop(self, timeout: float = 10.0) -> None:
        super().stop(timeout)
        self.pullers.stop()
        self.post_office.stop()


def allowed_hosts() -> list[str]:
    """`TRESEN_ALLOW_HOSTS`: private hosts that may be called (an intranet CRM), by comma."""
    return [host for host in os.environ.get("TRESEN_ALLOW_HOSTS", "").split(",") if host]


def make_crew() -> WorkCrew:
    """The crew of this process."""
    configure_exceptions(allowed_hosts())
    return WorkCrew()
