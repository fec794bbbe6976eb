"""Bohne & Brand itself: teams, staff, queues, channels and what it sells. Invented, every name of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tresen.sandbox.demo.world import DemoChannel, DemoField, DemoQueue, DemoStaff, DemoTeam

DOMAIN = "bohne-brand.example"
SHOP = f"https://shop.{DOMAIN}"

TEAMS = (
    DemoTeam("service", "Service"),
    DemoTeam("orders", "Verkauf & Bestellungen"),
    DemoTeam("technics", "Technik"),
)
QUEUES = (
    DemoQueue("service", "Service", "service"),
    DemoQueue("orders", "Verkauf & Bestellungen", "orders"),
    DemoQueue("technics", "Technik", "technics"),
)
CHANNELS = (
    DemoChannel("mail", "email", "Service-Postfach", "service", "de", f"service@{DOMAIN}"),
    DemoChannel("chat", "webchat", "Chat auf der Website", "service", "de"),
    DemoChannel("form", "form", "Kontaktformular", "service", "de"),
    DemoChannel("shop", "api", "Shop und Maschinen", "orders", "de"),
)
FIELDS = (
    DemoField("customer_number", "Kundennummer", "Customer number"),
    DemoField("favourite_roast", "Lieblingsröstung", "Favourite roast"),
)


def _staff(name: str, gender: str, role: str, teams: str, languages: str = "de en", capacity: int = 6) -> DemoStaff:
    key = name.lower().replace(" ", ".")
    address = f"{key}@{DOMAIN}"
    return DemoStaff(key, name, gender == "f", address, role, tuple(teams.split()), tuple(languages.split()), capacity)


STAFF = (
    _staff("Ines Falkner", "f", "administrator", "service orders technics"),
    _staff("Henrik Lohse", "m", "lead", "service orders", capacity=4),
    _staff("Mirjam Oster", "f", "lead", "technics", capacity=4),
    _staff("Jana Petersen", "f", "agent", "service orders"),
    _staff("Tobias Ahlers", "m", "agent", "service", "de"),
    _staff("Leyla Demirel", "f", "agent", "service technics", "de en tr", 8),
    _staff("Clara Winkelmann", "f", "agent", "orders"),
    _staff("Paul Rieger", "m", "agent", "orders", "de fr"),
    _staff("Stefan Kowalke", "m", "agent", "technics", capacity=5),
    _staff("Aoife Brennan", "f", "agent", "service orders technics", "en de", 8),
    _staff("Lukas Zeitler", "m", "agent", "technics", "de", 5),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A model. `code` begins its serial numbers; `service_cups` is the distance between two maintenances."""

    name: str
    code: str
    price: Decimal
    professional: bool
    service_cups: int


MACHINES = (
    Machine("Piccolo", "PC", Decimal("289.00"), False, 1000),
    Machine("Aurora 3", "A3", Decimal("549.00"), False, 1500),
    Machine("Aurora 5 Plus", "A5", Decimal("899.00"), False, 1500),
    Machine("Duetto", "DU", Decimal("1290.00"), False, 2000),
    Machine("Barista One", "BO", Decimal("1790.00"), False, 2500),
    Machine("Office 8", "O8", Decimal("2450.00"), True, 6000),
    Machine("Gastro 200", "G2", Decimal("3980.00"), True, 10000),
    Machine("Gastro 400", "G4", Decimal("6750.00"), True, 15000),
)

# What orders are made of: (German, English, price).
GOODS = (
    ("Entkalker Klar, 3 × 500 ml", "Klar descaler, 3 × 500 ml", Decimal("24.90")),
    ("Wasserfilter Aqua, 4er-Pack", "Aqua water filter, pack of 4", Decimal("39.90")),
    ("Milchsystem-Reiniger, 1 l", "Milk system cleaner, 1 l", Decimal("16.50")),
    ("Hausröstung, 4 × 1 kg", "House roast, 4 × 1 kg", Decimal("79.60")),
    ("Röstung Nordlicht, 2 × 1 kg", "Northern Light roast, 2 × 1 kg", Decimal("45.80")),
    ("Espresso Taverna, 6 × 1 kg", "Taverna espresso, 6 × 1 kg", Decimal("125.40")),
    ("Brühgruppe BG-12", "Brew group BG-12", Decimal("69.00")),
    ("Dichtungssatz D-7", "Seal kit D-7", Decimal("14.90")),
    ("Mahlwerk MW-3", "Grinder MW-3", Decimal("118.00")),
    ("Milchschlauch-Set", "Milk tube set", Decimal("9.90")),
    ("Wassertank 1,8 l", "Water tank 1.8 l", Decimal("34.00")),
    ("Tropfschale", "Drip tray", Decimal("22.50")),
)
ROASTS = ("Hausröstung", "Nordlicht", "Taverna", "Entkoffeiniert Mild")

# Contracts by the beginning of their numbers: (German, English, price a year).
CONTRACTS = {
    "WV": ("Wartungsvertrag Komfort", "Comfort maintenance contract", Decimal("119.00")),
    "ABO": ("Bohnen-Abo Monatlich", "Monthly bean subscription", Decimal("286.80")),
    "VB": ("Vollservice Büro", "Full service Office", Decimal("1140.00")),
    "VG": ("Vollservice Gastro", "Full service Catering", Decimal("2280.00")),
}
