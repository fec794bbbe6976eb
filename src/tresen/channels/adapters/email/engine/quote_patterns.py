"""What quoted mail looks like in text, in the languages of European (and some other) mail programs.

Every expression is anchored or short, so that none can be driven into catastrophic backtracking.
"""

from __future__ import annotations

import re


def _any(*phrases: str) -> str:
    return "(?:" + "|".join(phrases) + ")"


QUOTE = re.compile(r"\s{0,3}(?:[A-Za-z]{0,12})?[>»]")
LOOSE_QUOTE = re.compile(r"\s{0,3}(?:[>»]|\|(?:\s|$)|[A-Z][a-zA-Z]{0,12}> )")
DELIMITER = re.compile(r"\s{0,8}(?:([-_*#~=+–—])\1{1,}|[—–ᐧ])\s{0,8}\Z")
LINE_MAX = 400  # no attribution is longer

WROTE = _any(
    r"wrote|writes",
    r"schrieb|schreibt",
    r"(?:a )?écrit",
    r"ha scritto|scrive",
    r"escribi[óo]|escreveu",
    r"schreef|geschreven",
    r"skrev|skriver|kirjoitti",
    r"napisał(?:\(a\)|a)?|napsal(?:\(a\))?|napísal",
    r"написал(?:\(а\)|а)?|написав|пишет|пише",
    r"yazdı|írta|a scris|έγραψε",
    r"写道|寫道|さんは書きました",
)
VERB = re.compile(rf"(?:\b|(?<=[年月日\s,，])){WROTE}(?![a-zà-ÿ])", re.IGNORECASE)
ENDS_WITH_VERB = re.compile(
    rf"{WROTE}(?: følgende| het volgende| the following)?\s?[:：]?[\s-]{{0,20}}\Z", re.IGNORECASE
)
# "I wrote to you on Monday:" introduces the customer's own words.
PRONOUN = re.compile(
    r"\b(?:I|we|you|ich|wir|du|ihr|Sie|je|j'ai|nous|vous|tu|yo|nosotros|usted|ik|wij|u)\b[^<@]{0,20}\Z|"
    rf"{WROTE} (?:ich|wir|Sie|du|ihr|mir|Ihnen|you|me|to)\b",
    re.IGNORECASE,
)
WHEN = re.compile(
    _any(
        r"\d{1,2}[:.h]\d{2}",
        r"\b(?:19|20)\d{2}\b",
        r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}",
        r"\b\d{1,2}\.? [A-Za-zäé]{3,10}\.? \d{4}",
        r"\d{4}年",
    )
)
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.")
ON = re.compile(
    r"(?:-{2,8} ?)?"
    + _any("on|at|am|vom|le|el|il|op|em|den|na|pe|dne|dňa|dnia|w dniu|il giorno|tarihinde|в|在|於")
    + r"\s",
    re.IGNORECASE,
)
# "2024-03-04 10:15 GMT+01:00 Name <address>:", which Gmail wrote for a while.
STAMPED = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?: \d{1,2}:\d{2})?(?: (?:GMT|UTC)?[+-]\d{2}:?\d{2})? "
    r"[^:<]{1,80}(?:<[^<>]{3,120}>:?)?\s*\Z"
)
ZONE = re.compile(r" (?:GMT|UTC)?[+-]\d{2}:?\d{2} |<[^<>]{3,120}>:?\s*\Z")

SEPARATOR = re.compile(
    r"[*_\s>]{0,4}-{2,20}\s?"
    + _any(
        r"(?:original|forwarded|reply) message",
        r"ursprüngliche nachricht|original-?nachricht|weitergeleitete nachricht",
        r"message d['’]origine|message (?:original|transféré)",
        r"mensaje (?:original|reenviado)|mensagem original",
        r"messaggio (?:originale|inoltrato)",
        r"oorspronkelijk bericht|doorgestuurd bericht",
        r"ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding",
        r"wiadomość oryginalna|исходное сообщение|původní zpráva",
        r"原始邮件|转发邮件信息",
    )
    + r"(?: von| from)?[^-]{0,60}-{2,20}[*_\s]{0,4}\Z",
    re.IGNORECASE,
)
FORWARD_START = re.compile(
    _any(
        r"begin forwarded message",
        r"anfang der weitergeleiteten nachricht",
        r"début du message (?:transféré|réexpédié)",
        r"inicio del mensaje reenviado",
        r"inizio messaggio inoltrato",
        r"begin doorgestuurd bericht",
    )
    + r"\s?:\s*\Z",
    re.IGNORECASE,
)
ABOVE = re.compile(
    r".{0,40}"
    + _any(
        r"reply above this line",
        r"above this line to (?:add|reply)",
        r"(?:oberhalb|über) dieser (?:linie|zeile)",
        r"répondre au[- ]dessus de cette ligne",
    )
    + r".{0,60}\Z",
    re.IGNORECASE,
)
SEPARATOR_MAX = 160

HEADER_NAMES = {
    "from": "from von de da van fra från od от від 发件人 寄件者 kimden feladó lähettäjä expéditeur",
    "date": "sent date gesendet datum envoyé enviado enviada fecha data inviato verzonden sendt skickat dato",
    "date ": "wysłano отправлено дата 发送时间 日期 päivä enviado-el envoyé-le gesendet-am",
    "to": "to an à para a aan til till do кому 收件人 vastaanottaja empfänger",
    "subject": "subject betreff objet asunto oggetto onderwerp emne ämne temat тема 主题 主題 assunto sujet",
    "other": "cc bcc kopie copie reply-to antwort antwort-an risposta répondre-à organization importance",
    "other ": "wichtigkeit priorität priority attachments anlagen anhänge",
}
GROUPS = {name: group.strip() for group, names in HEADER_NAMES.items() for name in names.split()}
HEADER_LINE = re.compile(r"[\s>*_]{0,6}([^\W\d_][^\W\d_ -]{0,15}(?:[ -][^\W\d_]{1,10})?)\s?[*_]{0,2}\s?[:：]")

MOBILE = re.compile(
    r"\s*[(<*_]{0,3}\s*"
    + _any(
        r"(?:sent|get|posted|written|typed) (?:from|via|with|by|using)\b",
        r"sent by\b",
        r"get \[?outlook for",
        r"from my (?:iphone|ipad|ipod|android|mobile|phone|blackberry|samsung|galaxy|htc)\b",
        r".{0,30}\bfrom mobile",
        r"von meine[mr]|von unterwegs|diese nachricht wurde von",
        r"gesendet (?:mit|von|aus|über)|versendet mit",
        r"outlook für (?:android|ios)|holen sie sich outlook",
        r"envoyé (?:depuis|de|à partir)|télécharger outlook",
        r"enviado (?:desde|do|de|a partir)",
        r"inviato (?:da|dal|con)",
        r"verzonden (?:vanaf|met|via|vanuit)|verstuurd vanaf",
        r"skickat från|sendt fra|lähetetty",
        r"wysłane? z|odesláno z|отправлено (?:с|из)",
        r"從我的.{0,20}傳送|从我的.{0,20}发送|发自我的|iphoneから送信",
    )
    + r".{0,100}\Z",
    re.IGNORECASE,
)
MOBILE_MAX = 160


def is_header_line(line: str) -> bool:
    """Whether a line reads like "From: …" in any of the languages."""
    return header_group(line) is not None


def header_group(line: str) -> str | None:
    """Which header a line of a header block shows: from, date, to, subject, other; None for anything else."""
    match = HEADER_LINE.match(line)
    return GROUPS.get(match[1].strip().lower().replace(" ", "-")) if match else None


def is_separator(line: str) -> bool:
    """ "-----Original Message-----" and relatives, in any of the languages."""
    if len(line) > SEPARATOR_MAX:
        return False
    return bool(SEPARATOR.match(line) or FORWARD_START.match(line.lstrip("> ")) or ABOVE.match(line))


def is_attribution(text: str) -> bool:
    """ "On Monday, A wrote:", believable enough to fold what follows even without marks."""
    return attribution(text) == 2


def attribution(text: str) -> int:
    """How surely a joined line introduces a quote: 2 surely, 1 when quoted lines follow, 0 not at all."""
    text = text.strip()
    if not 0 < len(text) <= LINE_MAX:
        return 0
    if STAMPED.match(text) and ZONE.search(text):
        return 2
    verb = VERB.search(text)
    ends = bool(ENDS_WITH_VERB.search(text)) or text.rstrip("- ").endswith((":", "："))
    when, address = bool(WHEN.search(text)), bool(ADDRESS.search(text))
    if not verb or not ends or not (when or address):
        return 0
    if PRONOUN.search(text[: verb.end()]) or PRONOUN.search(text[verb.start() :][:40]):
        return 1
    return 2 if address or ON.match(text) or ENDS_WITH_VERB.search(text) else 1
