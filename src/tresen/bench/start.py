"""`bench start`: from the command to the first page, and what the process then holds in memory."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from tresen.bench import machine, volume
from tresen.bench.browser import log_in
from tresen.bench.product import Product, serving, workshop
from tresen.bench.report import Report, progress

CONVERSATIONS = 10_000
SETTLE = 10.0
PAGE = "/account/login/"


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Starts on an existing installation, several times."""
    parser = argparse.ArgumentParser(prog="tresen bench start")
    parser.add_argument("--data", type=Path, help="keep the installation here and use it again")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS, help="in the installation")
    given = parser.parse_args(args)
    report = Report("start")
    with workshop(given.data) as folder, progress(console) as bar:
        report.probe(folder)
        task = bar.add_task("start", total=given.times + 2)
        data = folder / f"volume-{given.conversations}"
        volume.install(data, given.conversations)
        bar.advance(task)
        taken, cpu = [], []
        for _ in range(given.times):
            product = Product(data)
            with serving(product, PAGE) as seconds:
                taken.append(seconds)
                cpu.append(machine.cpu(product.pid))
            bar.advance(task)
        report.add("start to first page, median", machine.percentile(taken, 0.5), "s", at_most=3)
        report.add("start to first page, slowest", max(taken), "s", at_most=3)
        report.add("CPU until then", machine.percentile(cpu, 0.5), "s")
        _idle(Product(data), report)
    return report.finish(console)


def _idle(product: Product, report: Report) -> None:
    with serving(product):
        time.sleep(SETTLE)
        report.add("idle: PSS", machine.pss(product.pid) / 1e6, "MB", at_most=200)
        before = machine.cpu(product.pid)
        time.sleep(SETTLE)
        report.add("idle: CPU", (machine.cpu(product.pid) - before) / SETTLE * 1000, "ms/s")
        report.add("idle: threads", machine.threads(product.pid))
        session = log_in(product.port, "agent1@example.org")
        for path in ("/desk/", "/desk/?view=all", "/desk/attention/", "/desk/profile/", "/api/v1/docs") * 3:
            session.get(path)
        session.close()
        report.add("after some pages: PSS", machine.pss(product.pid) / 1e6, "MB", at_most=200)
