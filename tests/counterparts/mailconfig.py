"""Configuration files of the throw-away Dovecot and Postfix."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from string import Template

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PASSWORD = "geheim"
SHOP = "bohne.test"  # our company
HOME = "kunde.test"  # the customers
BOXES = (
    *(f"{name}@{SHOP}" for name in ("service", "service2", "service3", "service4", "pop")),
    *(f"{name}@{HOME}" for name in ("kim", "ali", "urlaub")),
)
AWAY = f"urlaub@{HOME}"  # answers by itself
GONE = f"weg@{HOME}"  # taken by Postfix, unknown to Dovecot: a bounce comes back
LATER = f"spaeter@{HOME}"  # refused for now (450)
NOBODY = f"niemand@{HOME}"  # refused for good (550)

DOVECOT = Template("""
base_dir = $folder/run
state_dir = $folder/run
log_path = $folder/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <$folder/cert.pem
ssl_key = <$folder/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login $mechanisms
mail_location = maildir:$folder/mail/%u
first_valid_uid = 1
recipient_delimiter = +
submission_host = 127.0.0.1:$smtp
pop3_uidl_format = %g
$oauth
passdb {
  driver = passwd-file
  args = $folder/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$folder/mail/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = $pop3
  }
  inet_listener pop3s {
    port = $pop3s
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $lmtp
  }
}
service auth {
  unix_listener $folder/auth {
    mode = 0666
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
protocol lmtp {
  mail_plugins = sieve
  postmaster_address = postmaster@$shop
}
plugin {
  sieve_before = $folder/away.sieve
}
""")
OAUTH = Template("""
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = $folder/oauth2.conf
}
""")
TOKENINFO = Template("""
tokeninfo_url = http://127.0.0.1:$tokeninfo/tokeninfo?token=
introspection_mode =
username_attribute = email
active_attribute = active
active_value = yes
""")
SIEVE = Template("""
require ["vacation", "envelope"];
if envelope :is "to" "$away" {
  vacation :subject "Abwesend" "Ich bin bis Montag im Urlaub.";
}
""")
POSTFIX = Template("""
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
maillog_file = $folder/postfix.log
maillog_file_prefixes = $folder
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.$shop
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = $shop, $home
virtual_mailbox_maps = texthash:$folder/postfix/boxes
virtual_transport = lmtp:inet:127.0.0.1:$lmtp
recipient_delimiter = +
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:$folder/postfix/access, permit
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $folder/auth
smtpd_tls_security_level = may
smtpd_tls_cert_file = $folder/cert.pem
smtpd_tls_key_file = $folder/key.pem
smtp_tls_security_level = none
default_transport = error:5.1.2 No such place
message_size_limit = 80000000
""")
MASTER = Template("""
127.0.0.1:$smtp  inet n - n - - smtpd
127.0.0.1:$smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 1     1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
lmtp      unix  - - n -     - lmtp
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
""")


def write(folder: Path, ports: dict[str, int]) -> None:
    """Everything that both servers read. `ports`: imap, imaps, pop3, pop3s, smtp, smtps, lmtp, tokeninfo (0: none)."""
    certificate(folder)
    for name, owner in (("mail", "mail"), ("queue", "root"), ("data", "postfix"), ("postfix", "root")):
        (folder / name).mkdir()
        shutil.chown(folder / name, owner)
    shutil.chown(folder / "mail", group="mail")
    oauth = bool(ports["tokeninfo"])
    values = {**ports, "folder": folder, "shop": SHOP, "home": HOME, "away": AWAY}
    values["oauth"] = OAUTH.substitute(values) if oauth else ""
    values["mechanisms"] = "xoauth2" if oauth else ""
    files = {
        "dovecot.conf": DOVECOT,
        "oauth2.conf": TOKENINFO,
        "away.sieve": SIEVE,
        "postfix/main.cf": POSTFIX,
        "postfix/master.cf": MASTER,
    }
    for name, template in files.items():
        (folder / name).write_text(template.substitute(values).lstrip())
    (folder / "users").write_text("".join(f"{box}:{{PLAIN}}{PASSWORD}\n" for box in BOXES))
    (folder / "postfix/boxes").write_text("".join(f"{box} ok\n" for box in (*BOXES, GONE, LATER)))
    (folder / "postfix/access").write_text(f"{LATER} 450 4.2.0 Come back later\n")
    compile_sieve = ["sievec", "-c", str(folder / "dovecot.conf"), str(folder / "away.sieve")]
    subprocess.run(compile_sieve, check=True, stderr=subprocess.DEVNULL)


def certificate(folder: Path) -> None:
    """A self-signed certificate for 127.0.0.1, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mail.{SHOP}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "key.pem").chmod(0o600)
