"""Draws the customers and companies."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tresen.sandbox.demo.house import ROASTS
from tresen.sandbox.demo.people import COMPANY_NAMES, MAILBOXES, REGIONS, Region
from tresen.sandbox.demo.world import DemoCompany, DemoCustomer, DemoIdentity

_PLAIN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "é": "e", "è": "e", "&": "und", "ñ": "n", "å": "a"}
)
_IN_COMPANIES = 0.3
_WITH_PHONE = 0.6
_SECOND_ADDRESS = 0.15


def plain(text: str) -> str:
    """Lower case letters, digits and hyphens: fit for an address."""
    letters = (c if c.isalnum() and c.isascii() else "-" for c in text.lower().translate(_PLAIN))
    return "-".join(part for part in "".join(letters).split("-") if part)


def companies(random: Random) -> tuple[DemoCompany, ...]:
    """Every company once, each in a city of a region that speaks its language."""
    found = []
    for line, names_by_language in COMPANY_NAMES.items():
        for language, names in zip(("de", "en"), names_by_language, strict=True):
            regions = [region for region in REGIONS if region.language == language]
            for name in names:
                region = random.choices(regions, [r.weight for r in regions])[0]
                key = plain(name)
                city = random.choice(region.cities)
                found.append(DemoCompany(key, name, line, city, region.country, f"{key}.example"))
    return tuple(found)


def _phone(region: Region, taken: set[str], random: Random) -> tuple[DemoIdentity, ...]:
    if not region.phones or random.random() > _WITH_PHONE:
        return ()
    while True:
        number = random.choice(region.phones) + f"{random.randrange(10**region.digits):0{region.digits}}"
        if number not in taken:
            taken.add(number)
            return (DemoIdentity("phone", number),)


def _private_address(first: str, last: str, taken: set[str], random: Random) -> DemoIdentity:
    forms = [
        f"{first}.{last}",
        f"{first[0]}.{last}",
        f"{last}.{first}",
        f"{first}{random.randrange(60, 99)}",
        last,
    ]
    while True:
        address = f"{random.choice(forms)}@{random.choice(MAILBOXES)}"
        if address not in taken:
            taken.add(address)
            return DemoIdentity("email", address)
        forms.append(f"{first}.{last}{random.randrange(100)}")


def _person(region: Region, names: set[str], random: Random) -> DemoCustomer:
    while True:
        feminine = random.random() < 0.52
        first, last = (
            random.choice(region.women if feminine else region.men),
            random.choice(region.last_names),
        )
        if f"{first} {last}" not in names:
            names.add(f"{first} {last}")
            city = random.choice(region.cities)
            return DemoCustomer("", first, last, feminine, region.language, region.country, city, ())


def customers(count: int, of: tuple[DemoCompany, ...], random: Random) -> tuple[DemoCustomer, ...]:
    """`count` people with unique names and addresses; every company has at least one of them."""
    names: set[str] = set()
    taken: set[str] = set()
    employers = list(of) + random.choices(of, k=max(0, int(count * _IN_COMPANIES) - len(of)))
    found = []
    for index in range(count):
        company = employers[index] if index < len(employers) else None
        if company:
            region = next(r for r in REGIONS if r.country == company.country)
            person = replace(_person(region, names, random), company=company.key, city=company.city)
            address = f"{plain(person.first_name)}.{plain(person.last_name)}@{company.domain}"
            emails = [DemoIdentity("email", address)]
            taken.add(address)
        else:
            region = random.choices(REGIONS, [r.weight for r in REGIONS])[0]
            person = _person(region, names, random)
            emails = []
        if not company or random.random() < _SECOND_ADDRESS:
            emails.append(_private_address(plain(person.first_name), plain(person.last_name), taken, random))
        fields = {"customer_number": f"K-{10400 + 7 * index}"}
        if random.random() < 0.4:
            fields["favourite_roast"] = random.choice(ROASTS)
        identities = (*emails, *_phone(region, taken, random))
        found.append(replace(person, key=f"c{index:03}", identities=identities, fields=fields))
    random.shuffle(found)
    return tuple(found)
