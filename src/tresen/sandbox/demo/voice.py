"""How people write: greetings, closings and habits, by person, language, country and medium."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

from tresen.sandbox.demo.house import TEAMS
from tresen.sandbox.demo.world import DemoCompany, DemoCustomer, DemoStaff

_WITHOUT_DIGITS = re.compile(r"(?<!\S)[^\s\d]+(?!\S)")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STYLES = ("formal", "friendly", "brief", "casual")
_WEIGHTS = (30, 40, 18, 12)
_OPENING = {
    ("de", "formal"): ("Sehr geehrte Damen und Herren,",),
    ("de", "friendly"): (
        "Guten Tag,",
        "Hallo zusammen,",
        "Liebes Team von Bohne & Brand,",
        "Guten Tag zusammen,",
    ),
    ("de", "brief"): ("Hallo,", "Guten Tag,", ""),
    ("de", "casual"): ("Hi,", "Moin,", "Hallo ihr,"),
    ("en", "formal"): ("Dear Sir or Madam,", "Dear Bohne & Brand,"),
    ("en", "friendly"): ("Hello,", "Hi there,", "Hello team,"),
    ("en", "brief"): ("Hi,", "Hello,", ""),
    ("en", "casual"): ("Hi!", "Hey,"),
}
_LOCAL_OPENING = {"AT": "Grüß Gott,", "CH": "Grüezi,"}
_CLOSING = {
    ("de", "formal"): ("Mit freundlichen Grüßen",),
    ("de", "friendly"): ("Viele Grüße", "Herzliche Grüße", "Freundliche Grüße", "Beste Grüße"),
    ("de", "brief"): ("Gruß", "Danke und Gruß", ""),
    ("de", "casual"): ("LG", "Danke! LG"),
    ("en", "formal"): ("Yours faithfully", "Kind regards"),
    ("en", "friendly"): ("Best wishes", "Kind regards", "Many thanks"),
    ("en", "brief"): ("Thanks", "Regards", ""),
    ("en", "casual"): ("Cheers", "Thanks!"),
}
# Words that lose their capital after a greeting that ends with a comma.
_SMALL = frozenset(_words("""
    Ab Aber Ah Alle Alles Am An Anbei Angekommen Auf Aus Bei Beim Bestellt Bestens Bis Bitte Da Dafür Damit
    Danach Danke Dankeschön Dann Das Den Der Die Diese Drehen Drei Ein Eine Eingerichtet Eingetragen
    Einverstanden Entschuldigen Er Erledigt Erst Es Etwa Falls Freut Für Ganz Gebucht Geht Genau Gern
    Gestern Gibt Ging Gleiche Gut Gute Guten Haben Halten Hart Hat Herzlichen Heute Hier Hiermit Hurra Ich
    Im Immer In Ist Ja Jetzt Kann Karamellisierte Kein Klasse Klingt Kommt Kurz Können Langsam Laut Leider
    Leiser Lustig Lässt Läuft Man Mein Meine Meist Melden Mir Mit Mitten Muss Möchten Müssen Nach Nehmen
    Nein Nennen Nicht Noch Notiert Nun Nur Ohne Passt Perfekt Prima Probieren Richtig Schade Schauen Schön
    Sehr Seit Selbstverständlich Sieht So Steckt Stimmt Super Tatsächlich Trotz Um Unser Unsere Unter
    Versprochen Vielen Von Vor Vorgemerkt Wann War Was Weiter Welche Wenn Wer Werktags Wie Wir Wird Wo
    Wunderbar Zu Zum Zur Zwei Zwischen
"""))  # fmt: skip
_MONTHS = {
    "de": _words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    "en": _words("January February March April May June July August September October November December"),
}
_DAYS = {
    "de": _words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
    "en": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
}


def day_text(day: date, language: str, *, weekday: bool = False) -> str:
    """A date as one writes it in a letter, such as "Dienstag, 24. November" or "Tuesday 24 November"."""
    month, name = _MONTHS[language][day.month - 1], _DAYS[language][day.weekday()]
    text, comma = (f"{day.day}. {month}", ",") if language == "de" else (f"{day.day} {month}", "")
    return f"{name}{comma} {text}" if weekday else text


def money_text(amount: Decimal | None, currency: str, language: str) -> str:
    """An amount with its currency, such as "24,90 €" or "£24.90"."""
    text = f"{amount or 0:,.2f}"
    sign = {"EUR": "€", "GBP": "£"}.get(currency, currency)
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
        return f"{text} {sign}"
    return f"{sign}{text}" if len(sign) == 1 else f"{text} {sign}"


@dataclass(frozen=True, slots=True)
class Voice:
    """One customer's way of writing."""

    customer: DemoCustomer
    company: DemoCompany | None
    style: str

    @classmethod
    def of(cls, customer: DemoCustomer, company: DemoCompany | None, random: Random) -> Voice:
        """A voice that fits; people who write for a company are rarely casual."""
        style = random.choices(STYLES, _WEIGHTS)[0]
        return cls(customer, company, "friendly" if company and style == "casual" else style)

    def mail(self, body: str, random: Random, *, first: bool, to: DemoStaff | None) -> str:
        """A mail around the body: greeting, closing and, in a first mail from a company, a signature."""
        opening = self._opening(random, None if first else to)
        name = self.customer.first_name if self.style == "casual" else self.customer.name
        closing = random.choice(_CLOSING[self.customer.language, self.style])
        parts = [opening, _after(opening, body, self.customer.language), f"{closing}\n{name}".strip()]
        if not first and self.style in ("brief", "casual"):
            parts = [body, name]
        if first and self.company:
            phone = next((i.value for i in self.customer.identities if i.kind == "phone"), "")
            lines = ["-- ", self.customer.name, f"{self.company.name}, {self.company.city}", phone]
            parts.append("\n".join(line for line in lines if line))
        return self._local("\n\n".join(part for part in parts if part))

    def chat(self, body: str) -> str:
        """A chat line: some people write in small letters (not numbers) and end nothing with a full stop."""
        if self.style == "casual":
            body = _WITHOUT_DIGITS.sub(lambda word: word[0].lower(), body).rstrip(".")
        return self._local(body)

    def _opening(self, random: Random, to: DemoStaff | None) -> str:
        if to and self.customer.language == "de" and self.style != "casual":
            if self.style == "formal":
                form = "Sehr geehrte Frau" if to.feminine else "Sehr geehrter Herr"
            else:
                form = "Guten Tag Frau" if to.feminine else "Guten Tag Herr"
            return f"{form} {to.name.split()[-1]},"
        if to and self.customer.language == "en":
            return f"Dear {to.name.split()[0]}," if self.style == "formal" else f"Hi {to.name.split()[0]},"
        local = _LOCAL_OPENING.get(self.customer.country)
        if local and self.style == "friendly" and random.random() < 0.6:
            return local
        return random.choice(_OPENING[self.customer.language, self.style])

    def _local(self, text: str) -> str:
        return text.replace("ß", "ss") if self.customer.country == "CH" else text


def _after(opening: str, body: str, language: str) -> str:
    """The body as it goes on after the greeting: German goes on in small letters after a comma."""
    word = body.split(" ", 1)[0].rstrip(",.:!?")
    if language == "de" and opening.endswith(",") and word in _SMALL:
        return body[0].lower() + body[1:]
    return body if opening else body[0].upper() + body[1:]


def staff_text(staff: DemoStaff, customer: DemoCustomer, body: str, channel: str, *, first: bool) -> str:
    """An agent's answer as it goes out: with greeting and name in mails, introduced once in chats."""
    if customer.language == "de":
        greeting = f"Guten Tag {'Frau' if customer.feminine else 'Herr'} {customer.last_name}"
        hello, closing = f"{greeting}, hier ist {staff.name}.", "Freundliche Grüße"
    else:
        greeting = f"Hello {customer.first_name}"
        hello, closing = f"{greeting}, this is {staff.name}.", "Kind regards"
    if channel == "chat":
        return f"{hello} {body}" if first else body
    team = next(team.name for team in TEAMS if team.key == staff.teams[0])
    text = _after(f"{greeting},", body, customer.language)
    return f"{greeting},\n\n{text}\n\n{closing}\n{staff.name}\nBohne & Brand, {team}"
