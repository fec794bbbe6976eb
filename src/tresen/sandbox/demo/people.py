"""Names and places from which customers and companies are drawn. Nobody who lives is meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """Where customers live and what they are called. `phones` are beginnings in E.164, `digits` follow freely."""

    country: str
    language: str
    weight: int
    cities: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    last_names: tuple[str, ...]
    phones: tuple[str, ...] = ()
    digits: int = 3


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


_GERMAN_WOMEN = _split(
    """
    Anke, Annika, Barbara, Birgit, Carolin, Christina, Dagmar, Elif, Eva, Franziska, Gesa, Hannah,
    Heike, Helga, Ilse, Inga, Jasmin, Johanna, Julia, Katharina, Kerstin, Lea, Lena, Magdalena,
    Maren, Marlies, Meike, Milena, Monika, Nadine, Nele, Olga, Petra, Renate, Sabine, Sandra, Silke,
    Sophie, Svenja, Tanja, Ursula, Vera, Wiebke, Yvonne, Zeynep
    """
)
_GERMAN_MEN = _split(
    """
    Alexander, Andreas, Arne, Bernd, Björn, Christian, Daniel, Dieter, Emre, Felix, Florian, Frank,
    Georg, Gregor, Hannes, Hans-Peter, Heiko, Holger, Ingo, Jan, Jens, Jonas, Jürgen, Karsten,
    Klaus, Konrad, Lars, Manfred, Marcel, Matthias, Moritz, Nils, Oliver, Philipp, Ralf, Roman,
    Sebastian, Simon, Sven, Thorsten, Till, Tomasz, Uwe, Volker, Wolfgang
    """
)
_GERMAN_LAST = _split(
    """
    Ackermann, Albers, Bachmann, Bergmann, Blume, Brandt, Bruns, Claußen, Dietrich, Ebert, Engel,
    Fiedler, Friedrich, Gebhardt, Gerlach, Graf, Großmann, Hahn, Hartwig, Heinemann, Hoffmann,
    Jansen, Kaya, Keller, Kessler, Köhler, Krämer, Krüger, Lindner, Lorenz, Ludwig, Maurer, Möller,
    Neubauer, Nowak, Ott, Pohl, Reinhardt, Richter, Rösler, Sander, Schilling, Schreiber, Schuster,
    Seidel, Sommer, Stein, Thiele, Vogt, Voß, Wagner, Wendt, Wiegand, Winter, Wolff, Yılmaz,
    Ziegler, Zimmermann
    """
)

REGIONS = (
    Region(
        "DE", "de", 62,
        ("Berlin", "Bremen", "Dresden", "Düsseldorf", "Erfurt", "Frankfurt", "Freiburg", "Göttingen", "Hamburg",
         "Hannover", "Karlsruhe", "Kassel", "Kiel", "Köln", "Leipzig", "Lübeck", "Mainz", "München", "Münster",
         "Nürnberg", "Oldenburg", "Passau", "Potsdam", "Regensburg", "Rostock", "Stuttgart", "Trier", "Ulm"),
        _GERMAN_WOMEN, _GERMAN_MEN, _GERMAN_LAST,
        ("+493023125", "+496990009", "+494066969", "+492214710", "+498999998"),
    ),
    Region(
        "AT", "de", 11,
        ("Wien", "Graz", "Linz", "Salzburg", "Innsbruck", "Klagenfurt", "Bregenz", "St. Pölten"),
        ("Anna-Maria", "Elisabeth", "Gerlinde", "Hermine", "Katharina", "Lisbeth", "Marlene", "Romana", "Theresa"),
        ("Alois", "Clemens", "Dominik", "Ferdinand", "Josef", "Leopold", "Lorenz", "Maximilian", "Rupert"),
        ("Aigner", "Brunner", "Ebner", "Fuchs", "Gruber", "Hofer", "Huber", "Leitner", "Lackner", "Pichler", "Steiner",
         "Wallner", "Wimmer", "Zeilinger"),
    ),
    Region(
        "CH", "de", 9,
        ("Zürich", "Bern", "Basel", "Luzern", "St. Gallen", "Winterthur", "Chur", "Thun"),
        ("Beatrice", "Corinne", "Fabienne", "Heidi", "Nadja", "Regula", "Seraina", "Ursina"),
        ("Beat", "Flurin", "Jürg", "Marco", "Pascal", "Reto", "Ueli", "Urs"),
        ("Aebischer", "Bürgi", "Caduff", "Frei", "Gerber", "Hunziker", "Imhof", "Kunz", "Müller", "Odermatt", "Rüegg",
         "Schmid", "Stucki", "Zurbriggen"),
    ),
    Region(
        "GB", "en", 12,
        ("London", "Bristol", "Edinburgh", "Leeds", "Manchester", "Norwich", "Oxford", "York"),
        ("Amelia", "Charlotte", "Eleanor", "Fiona", "Grace", "Imogen", "Priya", "Rosie", "Sian", "Zara"),
        ("Alistair", "Ben", "Callum", "Dev", "George", "Harry", "Kwame", "Oliver", "Rhys", "Tom"),
        ("Ashworth", "Bennett", "Campbell", "Doyle", "Fletcher", "Hughes", "Iqbal", "Kerr", "Lawson", "Mensah", "Patel",
         "Pritchard", "Sinclair", "Thornton", "Whitfield"),
        ("+442079460", "+447700900"),
    ),
    Region(
        "NL", "en", 4,
        ("Amsterdam", "Utrecht", "Rotterdam", "Groningen"),
        ("Anouk", "Femke", "Lotte", "Sanne"),
        ("Bram", "Daan", "Jeroen", "Sjoerd"),
        ("de Boer", "van Dijk", "Hoekstra", "Jonker", "Smit", "Vermeer"),
    ),
    Region(
        "SE", "en", 2,
        ("Stockholm", "Malmö", "Göteborg"),
        ("Astrid", "Elin", "Maja"),
        ("Anders", "Erik", "Oskar"),
        ("Bergström", "Lindqvist", "Nyberg", "Sjögren"),
    ),
)  # fmt: skip

MAILBOXES = ("post.example", "briefkasten.example", "nordmail.example", "mailbox.example", "freipost.example")

# Companies: (line, names by language). The first name of a tuple is German, the second English.
COMPANY_NAMES = {
    "café": (
        ("Café Morgenrot", "Café Krümel", "Zimt & Zucker", "Kaffeehaus Lindenhof", "Café am Wehr", "Die Röstkammer",
         "Café Fräulein Flora", "Milchbar Seestern", "Backstube Jansen", "Café Zeitlos", "Konditorei Adler"),
        ("The Copper Kettle", "Second Cup Corner", "Harbour Lane Coffee", "Fig & Crumb"),
    ),
    "office": (
        ("Nordwind Architekten", "Kanzlei Stern & Partner", "Meridian Software", "Steuerbüro Kessler", "Papier & Co",
         "Talwerk Ingenieure", "Agentur Blaupause", "Hafenkontor Logistik", "Lichtblick Optik", "Praxis am Markt"),
        ("Bluebell Publishing", "Tideway Analytics", "Larkspur Design", "Oakfield Surveyors"),
    ),
    "hotel": (
        ("Hotel Zur Post", "Pension Alpenblick", "Strandhotel Möwe", "Gasthof Hirschen", "Hotel Drei Linden"),
        ("The Fern Hotel", "Quayside Rooms"),
    ),
    "retail": (
        ("Buchhandlung Federleicht", "Feinkost Ambrosia", "Fahrradhaus Speiche", "Blumen Veilchen"),
        ("Paperback & Bean",),
    ),
    "canteen": (
        ("Stadtwerke Kantine Süd", "Klinikum Parkallee", "Schulverein Rosengarten"),
        ("Northgate College Canteen",),
    ),
}  # fmt: skip
