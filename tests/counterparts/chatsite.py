"""A running Tresen with a chat and a form, and a web shop on another origin that embeds them.

`python chatsite.py DATA URL` fills an empty data directory and prints what the tests have to know as JSON.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Kaffee-und-Kuchen-9"
START_SECONDS = 60.0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Tresen:
    """One process on SQLite. `facts`: keys, secrets and tokens of what was set up."""

    data: Path
    port: int = field(default_factory=free_port)
    facts: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def _environment(self) -> dict[str, str]:
        settings = {"DJANGO_SETTINGS_MODULE": "tresen.config.settings", "TRESEN_DATA": str(self.data)}
        return {**os.environ, **settings, "TRESEN_LOCAL_URL": self.url}

    def set_up(self) -> None:
        """Database, people and channels."""
        command = [sys.executable, __file__, str(self.data), self.url]
        done = subprocess.run(command, env=self._environment(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        self.facts = json.loads(done.stdout.splitlines()[-1])

    def start(self) -> None:
        """Starts and waits until it answers."""
        command = [sys.executable, "-m", "uvicorn", "tresen.config.asgi:application", "--port", str(self.port)]
        command += ["--log-level", "info", "--timeout-graceful-shutdown", "2"]
        log = (self.data / "server.log").open("ab")
        self.process = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        log.close()
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(self.log()[-4000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process; SIGKILL is a power cut as far as it can tell."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(15)
            self.process = None

    def log(self) -> str:
        """What the server has said so far."""
        return (self.data / "server.log").read_text(errors="replace")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """A call as Mara, the agent."""
        headers = {"Authorization": f"Bearer {self.facts['token']}"}
        answer = httpx.request(method, f"{self.url}/api/v1/{path}", json=body, headers=headers, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def conversation(self) -> int:
        """The newest conversation."""
        return int(self.api("GET", "conversations?limit=1")["items"][0]["id"])

    def reply(self, text: str) -> None:
        """Mara answers in the newest conversation."""
        self.api("POST", f"conversations/{self.conversation()}/messages", {"text": text, "kind": "reply"})

    def messages(self) -> list[dict[str, Any]]:
        """All messages of the newest conversation."""
        return list(self.api("GET", f"conversations/{self.conversation()}/messages")["items"])

    def presence(self, status: str) -> None:
        """Mara comes or goes."""
        self.api("POST", f"agents/{self.facts['agent']}/presence", {"status": status})

    @contextmanager
    def _desk(self) -> Iterator[httpx.Client]:
        """Mara's browser, logged in; forms carry their CSRF token."""
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=20) as desk:
            page = desk.get("/account/login/").text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert token is not None, page[:2000]
            form = {"login": "mara@bohne.test", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            desk.post("/account/login/", data=form, headers={"Referer": f"{self.url}/account/login/"})
            desk.headers["X-CSRFToken"] = desk.cookies["csrftoken"]
            desk.headers["Referer"] = f"{self.url}/desk/"
            yield desk

    def look_at(self) -> None:
        """Mara opens the newest conversation on her desk."""
        with self._desk() as desk:
            assert desk.get(f"/desk/c/{self.conversation()}/").status_code == 200

    def type(self, mode: str = "reply") -> None:
        """Mara types in the newest conversation."""
        with self._desk() as desk:
            answer = desk.post(f"/desk/c/{self.conversation()}/typing/", data={"mode": mode})
            assert answer.is_success, answer.text


class Shop:
    """Pages of another origin: `pages[path] = (html, headers)`."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, Mapping[str, str]]] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                html, headers = pages.get(self.path.split("?")[0], ("", {}))
                self.send_response(200 if html else 404)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path: str, body: str, *, language: str = "de", head: str = "", **headers: str) -> str:
        """Publishes a page; returns its address."""
        view = "<meta name=viewport content='width=device-width'>"
        page = f"<!doctype html><html lang={language}><head><title>Shop</title>{view}"
        self.pages[path] = (f"{page}{head}</head><body>{body}</body></html>", headers)
        return self.url + path

    def close(self) -> None:
        """Stops serving."""
        self.server.shutdown()
        self.server.server_close()


def fill(url: str) -> dict[str, Any]:
    """An agent, a chat (one for all sites, one for a single one) and a form."""
    import django

    django.setup()
    from django.core.management import call_command

    from tresen.accounts import presence
    from tresen.accounts.actions import create_token, create_user
    from tresen.accounts.principal import system
    from tresen.channels.actions import create_channel

    call_command("migrate", verbosity=0, interactive=False)
    by = system()
    mara = create_user(
        by, email="mara@bohne.test", name="Mara Lindt", role="administrator", password=PASSWORD, capacity=200
    )
    presence.set_presence(mara.pk, "online", actor="test", lease=presence.API_LEASE)
    look = {"title": "Bohne & Brand", "colour": "#7a3b12"}
    chat = create_channel(by, kind="webchat", name="Chat", settings=look)
    closed = create_channel(by, kind="webchat", name="Closed", settings={"origins": "https://shop.example"})
    fields = "order | Bestellnummer // Order number | required\nmachine | Maschine // Machine | choice: Ritmo, Presto"
    form = create_channel(
        by, kind="form", name="Form", settings={**look, "title": "Schreiben Sie uns", "fields": fields}
    )
    _row, token = create_token(by, name="test", role="administrator", user_id=mara.pk)
    return {
        "agent": mara.pk,
        "token": token,
        "chat": chat.config.key,
        "identity_secret": chat.secrets["identity_secret"],
        "closed": closed.config.key,
        "form": form.config.key,
        "url": url,
    }


if __name__ == "__main__":
    print(json.dumps(fill(sys.argv[2])))
