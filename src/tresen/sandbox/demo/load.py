"""Fills an empty installation with the demo company, through the product's own actions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tresen.accounts.demo import DEMO
from tresen.accounts.models import Role, User
from tresen.conversations.models import Conversation
from tresen.customers.models import Customer
from tresen.kernel import clock, db, settings
from tresen.sandbox.demo.build import build
from tresen.sandbox.demo.world import DemoWorld
from tresen.sandbox.loading import history, passwords
from tresen.sandbox.loading.house import furnish
from tresen.sandbox.loading.people import open_mailboxes, settle

SEED = 7
REFUSAL = (
    "This installation holds data of its own, so the demo company was not added. "
    "Start without --demo, or give the demo a directory of its own: tresen run --demo --data demo-data"
)
INTRODUCED = (Role.AGENT, Role.LEAD, Role.ADMINISTRATOR)


def fill(console: Console, conclude: Callable[[], None]) -> None:
    """Builds the demo company once, all of it or nothing; an installation with data of its own is left alone.

    `conclude` runs in the same transaction, after everything was written: nothing shall react to history.
    """
    if settings.get(DEMO):
        return
    if User.objects.exists() or Conversation.objects.exists() or Customer.objects.exists():
        raise SystemExit(REFUSAL)
    now = clock.now()
    world = build(SEED, now)
    secrets = passwords.prepared(person.email for person in world.staff)
    total = len(world.customers) + len(world.records) + history.count(world)
    with _bar(console) as bar:
        task = bar.add_task("Setting up Bohne & Brand", total=total)
        with db.atomic():
            _write(world, now, secrets, lambda: bar.advance(task))
            settings.put(DEMO, True)
            conclude()
        bar.update(task, completed=total)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True)


def _write(world: DemoWorld, now: datetime, secrets: dict[str, str], done: Callable[[], None]) -> None:
    house = furnish(world, secrets)
    people = settle(world, now, done)
    boxes = open_mailboxes(world, people, secrets[passwords.MAILBOX])
    history.tell(world, house, people, boxes, now, done)


def introduced() -> list[tuple[User, str]]:
    """Whom one logs in as, with their passwords: an agent, a team lead, an administrator."""
    known = passwords.known()
    people = User.objects.filter(email__in=known, is_active=True).order_by("id")
    firsts = (people.filter(role=role).first() for role in INTRODUCED)
    return [(person, known[person.email]) for person in firsts if person is not None]


def introduce(console: Console, url: str) -> None:
    """Where to look and who to log in as."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for person, password in introduced():
        table.add_row(f"{Role(person.role).label}:", person.email, Text(password, style="bold"))
    places = Table(box=None, show_header=False, pad_edge=False)
    places.add_row("Desk", f"{url}/desk/", style="bold")
    places.add_row("Be the customer", f"{url}/sandbox/", style="bold")
    hints = (f"All passwords: {passwords.path()}", "These log-ins work on this machine only.")
    body = Group(places, Text(), table, Text(), *(Text(hint, style="dim") for hint in hints))
    console.print(Panel(body, title="Tresen · demo company Bohne & Brand", expand=False), highlight=False)
