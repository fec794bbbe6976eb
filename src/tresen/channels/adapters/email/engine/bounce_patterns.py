"""The words of mail servers about mail they could not deliver."""

from __future__ import annotations

import re


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


DAEMON_SENDER = _any(
    r"(?:mailer|mail|lmtp|smtp|postfix|mta|delivery)[-_.]?(?:daemon|demon|delivery|deliverysubsystem)",
    r"(?:^|[-_.])(?:post_?master|bounces?|mailer|mdaemon|mailadmin|microsoftexchange\w*)(?:$|[-_.+=])",
)
DAEMON_NAME = _any(
    r"mail delivery (?:sub)?(?:system|service|agent|software)",
    r"mailer[- ]daemon",
    r"delivery subsystem",
    r"(?:system|mail) administrator",
    r"postmaster",
)
SUBJECT = _any(
    r"undeliver(?:ed|able)",
    r"delivery (?:status notification|failure|problem|has failed|notification|error)",
    r"(?:mail|message) delivery (?:failed|failure|delayed|status|notification|report)",
    r"returned mail",
    r"mail (?:error|failed|failure|could not|system error)",
    r"failure (?:notice|delivery)",
    r"failed (?:mail|delivery)",
    r"could not (?:send|be delivered|deliver)",
    r"non[- ]?delivery",
    r"message (?:undeliverable|you sent blocked|not delivered|non)",
    r"cannot (?:send|deliver)",
    r"unable to deliver",
    r"not delivered",
    r"problem delivering",
    r"warning: (?:message|could)",
    r"rejected|bounce|delayed",
    r"nicht zustellbar|unzustellbar|zustellung|warnung",
    r"non remis|échec|no se puede entregar|メールエラー",
)
FAILED_TEXT = _any(
    r"(?:could|can) ?n[o']t (?:be )?deliver",
    r"unable to (?:be )?deliver",
    r"delivery (?:to|has|attempt)[^.]{0,80}fail",
    r"permanent (?:fatal )?error|permanently? fail",
    r"undeliverable",
    r"user unknown|unknown user|no such (?:user|mailbox|recipient)",
    r"(?:does ?n[o']t|not) exist",
    r"mailbox (?:is )?(?:full|unavailable|not found)|quota",
    r"recipient (?:address )?rejected|address rejected|rejected your message|was rejected",
    r"returned to (?:the )?sender",
    r"nicht zugestellt|konnte nicht|unzustellbar",
    r"\b[45]\.[0-7]\.\d{1,3}\b",
    r"\b5[0-5]\d[ -]",
)
_RETURNED = (
    r"original message",
    r"returned message",
    r"copy of (?:your|the) message",
    r"message headers?",
    r"below this line",
    r"un(?:delivered|sent) message",
    r"bounced e-?mail",
    r"message follows",
    r"the headers? of",
)
RETURNED = re.compile(rf"^[>\s-]{{0,80}}.{{0,40}}(?:{'|'.join(_RETURNED)}).{{0,60}}$", re.IGNORECASE | re.MULTILINE)
SOFT = _any(
    r"quota|mailbox (?:is )?full|postfach voll",
    r"temporar|vorübergehend|try again|delayed|greylist|too many|rate limit",
    r"timed? ?out|connection (?:refused|timed)",
    r"still being retried|will (?:keep|be) (?:trying|retried)",
)
DELAYED = _any(r"delayed|verzögert", r"warning", r"still (?:trying|being)", r"has not (?:yet )?been delivered")
COMPLAINT_SUBJECT = _any(r"complaint about (?:a )?message", r"abuse report")
# Amazon SES tells by a JSON text through its notification service.
NOTIFICATION = re.compile(r'"(?:notificationType|eventType)"\s{0,3}:\s{0,3}"(Bounce|Complaint|Delivery)"')
INNER_ID = re.compile(
    r"^[>\s]{0,4}(?:Original-)?Message-Id:[ \t]{0,8}(?:\r?\n[ \t]+)?<([^<>\s]{3,500})>",
    re.IGNORECASE | re.MULTILINE,
)
STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")  # RFC 3463
REPLY_CODE = re.compile(r"(?<!\d)([45])[0-5]\d[ -](?=\S)")  # RFC 5321
