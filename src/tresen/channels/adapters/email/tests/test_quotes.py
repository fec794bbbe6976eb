"""What is folded, what stays, and that nothing is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.email.engine.quotes import fold, fold_text

OWN = "Danke, das hat geholfen.\n\nViele Grüße\nKim"
ATTRIBUTIONS = [
    "Am 03.02.26 um 15:35 schrieb Bohne & Brand:",
    "Am Di., 3. Feb. 2026 um 15:35 Uhr schrieb Mia <service@bohne.test>:",
    "Mia <service@bohne.test> schrieb am Di., 3. Feb. 2026\num 15:35:",
    "On Tue, Feb 3, 2026 at 3:35 PM Mia <\nservice@bohne.test> wrote:",
    "Le 3 févr. 2026 à 15:35, Mia <service@bohne.test> a écrit :",
    "Le mar. 3 févr. 2026 à 15:35, Mia\n<service@bohne.test>\na écrit :",
    "El mar, 3 feb 2026 a las 15:35, Mia (<service@bohne.test>) escribió:",
    "Op di 3 feb 2026 om 15:35 schreef Mia <service@bohne.test>:",
    "Il giorno mar 3 feb 2026 alle 15:35 Mia <service@bohne.test> ha scritto:",
    "Em ter., 3 de fev. de 2026 às 15:35, Mia <service@bohne.test> escreveu:",
    "Den tis 3 feb. 2026 kl 15:35 skrev Mia <service@bohne.test>:",
    "wt., 3 lut 2026 o 15:35 Mia <service@bohne.test> napisał(a):",
    "вт, 3 февр. 2026 г. в 15:35, Mia <service@bohne.test>:\nMia <service@bohne.test> написал(а):",
    "2026-02-03 15:35 GMT+01:00 Mia <service@bohne.test>:",
]
HEADER_BLOCKS = [
    "Von: Mia <service@bohne.test>\nGesendet: Dienstag, 3. Februar 2026 15:35\nAn: Kim\nBetreff: Wartung",
    "________________________________\nFrom: Mia\nSent: Tuesday, February 3, 2026\nTo: Kim\nSubject: Service",
    "*De :* Mia\n*Envoyé :* mardi 3 février 2026\n*À :* Kim\n*Objet :* Entretien",
    "De: Mia\nEnviado el: martes, 3 de febrero\nPara: Kim\nAsunto: Servicio",
    "Van: Mia\nVerzonden: dinsdag 3 februari\nAan: Kim\nOnderwerp: Onderhoud",
    "Da: Mia\nInviato: martedì 3 febbraio\nA: Kim\nOggetto: Manutenzione",
    "-----Ursprüngliche Nachricht-----\nVon: Mia\nGesendet: Dienstag",
    "-------- Original Message --------",
    "-------- Weitergeleitete Nachricht --------\nBetreff: x",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_attributions(attribution: str) -> None:
    text = f"{OWN}\n\n{attribution}\n> Bitte entkalken Sie.\n> Mia\n"
    found = fold_text(text)
    assert found.visible == OWN
    assert found.rest == f"{attribution}\n> Bitte entkalken Sie.\n> Mia"


@pytest.mark.parametrize("block", HEADER_BLOCKS)
def test_header_blocks(block: str) -> None:
    found = fold_text(f"{OWN}\n\n{block}\n\nBitte entkalken Sie.\nMia")
    assert found.visible == OWN
    assert found.rest.endswith("Bitte entkalken Sie.\nMia")


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nKim Lauer\nTel. 0221 1234",
        "Von meinem iPhone gesendet",
        "Sent from my Galaxy",
        "Get Outlook for iOS<https://aka.ms/x>",
    ],
)
def test_signatures(signature: str) -> None:
    assert fold_text(f"{OWN}\n\n{signature}\n").visible == OWN
    both = fold_text(f"{OWN}\n\n{signature}\n\nAm 03.02.26 um 15:35 schrieb Mia <a@b.de>:\n> alt\n")
    assert both.visible == OWN and "> alt" in both.rest


@pytest.mark.parametrize(
    "text",
    [
        "Am 3.4.2026 um 10:00 Uhr schrieb ich Ihnen:\ndie Maschine ist defekt.\nBitte helfen Sie.",
        "Von: Hamburg\nNach: Berlin\nbitte zwei Pakete",
        "On Monday I wrote you a letter:\nno answer so far",
        "Modell: Bella\n-----\nFarbe: rot\n-----\nBitte liefern.",
        "> Wann kommt die Lieferung?\n\nDas fragte ich schon.",
        "> nur ein Zitat",
        "-----Original Message-----\nFrom: Mia\n\nweitergeleitet ohne ein Wort",
        "",
    ],
)
def test_what_a_customer_wrote_stays(text: str) -> None:
    found = fold_text(text)
    last = text.split("\n")[-1]
    assert last in found.visible


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *ATTRIBUTIONS,
                    *HEADER_BLOCKS,
                    "> quote",
                    "--",
                    "____________",
                    "Sent from my iPhone",
                    "",
                    "eigener Text",
                ]
            ),
            st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40),
        ),
        max_size=25,
    )
)
def test_nothing_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = fold_text(text)
    kept = sorted(line.rstrip() for part in (found.visible, found.rest) for line in part.split("\n") if line.strip())
    assert kept == sorted(line.rstrip() for line in text.split("\n") if line.strip())


OUTLOOK = '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3pt">'
HTML = {
    "gmail": '<div class="gmail_quote"><div class="gmail_attr">Am 3. schrieb Mia:</div>'
    '<blockquote class="gmail_quote">alt</blockquote></div>',
    "thunderbird": '<div class="moz-cite-prefix">Am 3. schrieb Mia:</div><blockquote type="cite">alt</blockquote>',
    "outlook web": '<hr><div id="divRplyFwdMsg"><b>Von:</b> Mia</div><div>alt</div>',
    "outlook mobile": '<div id="ms-outlook-mobile-signature"></div><div id="appendonsend"></div><div>alt</div>',
    "outlook desktop": f"{OUTLOOK}<p><b>Von:</b> Mia</p></div><p>alt</p>",
    "apple": '<div><br><blockquote type="cite"><div>Am 3. schrieb Mia:</div>alt</blockquote></div>',
    "yahoo": '<div id="yahoo_quoted_1" class="yahoo_quoted"><div>Am 3. schrieb Mia:</div>alt</div>',
    "proton": '<div class="protonmail_quote">Am 3. schrieb Mia:<blockquote>alt</blockquote></div>',
    "unmarked": "<div>Am 03.02.26 um 15:35 schrieb Mia &lt;a@b.de&gt;:</div><blockquote>alt</blockquote>",
    "mac outlook": '<span id="OLK_SRC_BODY_SECTION"><div>Von: Mia</div>alt</span>',
}


@pytest.mark.parametrize("name", HTML)
def test_html_marks(name: str) -> None:
    found = fold("", f"<div>Danke!</div>{HTML[name]}")
    assert found.visible == "Danke!"
    assert found.rest.endswith("alt")


def test_html_answers_between_the_lines_stay_in_view() -> None:
    first = '<div class="gmail_quote">Mia schrieb:<blockquote>Modell?</blockquote></div><p>Bella</p>'
    html = f"{first}<blockquote>Seit wann?</blockquote><p>Freitag</p>"
    assert fold("Text", html) == fold_text("Text")


def test_a_mail_that_is_all_quote_is_shown() -> None:
    assert fold_text("> a\n> b").visible == "> a\n> b"
    assert fold("alles", "<blockquote type=cite>alles</blockquote>").visible == "alles"
