"""Complete Postfix instances and opendkim, each in a directory of its own.

Nothing of the system's instance is read or written: configuration, queue, data, log and
sockets are below a temporary directory, and the master process runs in the foreground.
Postfix needs root to start.
"""

import dataclasses
import email
import email.policy
import glob
import os
import shutil
import subprocess

from processes import Directory, Peer, Process, accepts_tcp, free_port, wait_until

_DAEMONS = "/usr/lib/postfix/sbin"
_MAIL_OWNER_UID = 65534  # nobody: virtual(8) refuses root and the mail system's own user

_MASTER = """{endpoint} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """PEM files of a self-signed certificate."""

    certificate: str
    key: str


def make_certificate(directory, names):
    """A self-signed certificate for `names` in a Directory."""
    made = Certificate(directory.file("tls.crt"), directory.file("tls.key"))
    alternatives = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={names[0]}", "-addext",
         f"subjectAltName={alternatives}", "-out", made.certificate, "-keyout", made.key],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


class PostfixInstance(Peer):
    """A private Postfix that listens on one address. `main` overrides lines of main.cf."""

    def __init__(self, main, address="127.0.0.1", port=0, host="postfix.test"):
        self.address = address
        self.port = port or free_port([address])
        self.directory = Directory()
        self.process = None
        super().__init__()
        try:
            self._start(main, host)
        except BaseException:
            self.close()
            raise

    def _start(self, main, host):
        root = self.directory.path
        self.config_directory = os.path.join(root, "config")
        self.queue_directory = os.path.join(root, "queue")
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue_directory,
            "data_directory": os.path.join(root, "data"),
            "daemon_directory": _DAEMONS,
            "command_directory": "/usr/sbin",
            "maillog_file": os.path.join(root, "log", "mail.log"),
            "maillog_file_prefixes": root,
            # Postfix knows no other loopback address as its own; master.cf names the real one.
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": host,
            "mydomain": host,
            "myorigin": host,
            "mydestination": "",
            "mynetworks": "",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "biff": "no",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "smtp_tls_security_level": "none",
            "smtpd_peername_lookup": "no",
        } | main
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        self.directory.file("config/main.cf", lines)
        self.directory.file(
            "config/master.cf", _MASTER.format(endpoint=f"{self.address}:{self.port}")
        )
        self.directory.file("log/mail.log", "")
        for name in ("queue", "data"):
            os.makedirs(os.path.join(root, name))
        shutil.chown(os.path.join(root, "data"), "postfix", "postfix")
        # Makes the directories below the queue, with the owners and modes that Postfix wants.
        checked = subprocess.run(
            ["postfix", "-c", self.config_directory, "check"],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if checked.returncode != 0:
            raise RuntimeError(f"postfix check: {checked.stdout}{checked.stderr}{self.log()}")
        self.process = Process(
            [os.path.join(_DAEMONS, "master"), "-c", self.config_directory, "-d"],
            self.directory.file("master.log"),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": self.config_directory},
        )

        def listens():
            self.process.require_running()
            return accepts_tcp(self.address, self.port)

        wait_until(listens, 20, "Postfix to listen")

    def log(self):
        """Postfix's own log so far."""
        with open(os.path.join(self.directory.path, "log", "mail.log"), errors="replace") as log:
            return log.read()

    def queued(self):
        """How many messages are in the queue."""
        count = 0
        for name in ("maildrop", "incoming", "active", "deferred"):
            for _, _, files in os.walk(os.path.join(self.queue_directory, name)):
                count += len(files)
        return count

    def _close(self):
        if self.process is not None:
            self.process.close()
        self.directory.close()


@dataclasses.dataclass(frozen=True)
class Stored:
    """One message in the mailbox of a PostfixReceiver."""

    raw: bytes  # with CRLF line ends, and the header fields that Postfix added

    @property
    def parsed(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def recipient(self):
        """The address it was delivered to."""
        return str(self.parsed["X-Original-To"])


class PostfixReceiver(PostfixInstance):
    """Accepts mail for `domains` and stores it in one Maildir.

    `users` limits the addresses that exist (others get 550 5.1.1). With `tls` it offers
    STARTTLS; True makes a self-signed certificate for its host name. Bare LF is refused.
    """

    def __init__(self, domains, users=None, tls=False, address="127.0.0.1", port=0,
                 host="mx.test", main=None):  # fmt: skip
        self._tls = Directory() if tls is True else None
        certificate = make_certificate(self._tls, [host]) if tls is True else tls
        users_map = "static:mailbox/"
        if users is not None:
            rows = " ".join(f"{{ {user} = mailbox/ }}" for user in users)
            users_map = f"inline:{{ {rows} }}"
        settings = {
            "virtual_mailbox_domains": " ".join(domains),
            "virtual_mailbox_maps": users_map,
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{_MAIL_OWNER_UID}",
            "virtual_gid_maps": f"static:{_MAIL_OWNER_UID}",
            "smtpd_forbid_bare_newline": "reject",
            "smtpd_forbid_bare_newline_exclusions": "",
            "smtpd_forbid_unauth_pipelining": "yes",
            "strict_rfc821_envelopes": "yes",
        }
        if certificate:
            settings |= {
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": certificate.certificate,
                "smtpd_tls_key_file": certificate.key,
            }
        self.certificate = certificate or None
        self._main = main or {}
        super().__init__(settings, address, port, host)

    def _start(self, main, host):
        base = os.path.join(self.directory.path, "mail")
        os.makedirs(base)
        os.chown(base, _MAIL_OWNER_UID, _MAIL_OWNER_UID)
        super()._start(main | {"virtual_mailbox_base": base} | self._main, host)

    def messages(self):
        """All messages stored so far, oldest first."""
        paths = glob.glob(os.path.join(self.directory.path, "mail", "mailbox", "new", "*"))
        stored = []
        for path in sorted(paths, key=os.path.getmtime):
            with open(path, "rb") as message:
                stored.append(Stored(message.read().replace(b"\n", b"\r\n")))
        return stored

    def await_messages(self, count, deadline_s=30.0):
        """Waits until `count` messages are stored; returns them."""
        wait_until(lambda: len(self.messages()) >= count, deadline_s,
                   f"{count} messages at Postfix")  # fmt: skip
        return self.messages()

    def _close(self):
        super()._close()
        if self._tls is not None:
            self._tls.close()


class Opendkim(Peer):
    """opendkim as a milter that signs for `domain`, relaxed/relaxed, rsa-sha256.

    `milter` is what Postfix's smtpd_milters takes; `record` the TXT text of the key.
    """

    def __init__(self, domain, selector="s1", bits=2048):
        self.directory = Directory()
        self.process = None
        super().__init__()
        try:
            self._start(domain, selector, bits)
        except BaseException:
            self.close()
            raise

    def _start(self, domain, selector, bits):
        root = self.directory.path
        port = free_port()
        self.milter = f"inet:127.0.0.1:{port}"
        subprocess.run(
            ["opendkim-genkey", "-b", str(bits), "-d", domain, "-s", selector, "-D", root],
            check=True, capture_output=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.key_path = os.path.join(root, f"{selector}.private")
        with open(os.path.join(root, f"{selector}.txt")) as text:
            self.record = "".join(text.read().split('"')[1::2])
        self.directory.file(
            "opendkim.conf",
            f"Mode s\nSyslog no\nDomain {domain}\nSelector {selector}\n"
            f"KeyFile {self.key_path}\nCanonicalization relaxed/relaxed\n"
            f"SignatureAlgorithm rsa-sha256\nSocket inet:{port}@127.0.0.1\n"
            "RequireSafeKeys no\nUMask 002\n",
        )
        self.process = Process(
            ["opendkim", "-f", "-x", self.directory.file("opendkim.conf")],
            self.directory.file("log"),
        )

        def listens():
            self.process.require_running()
            return accepts_tcp("127.0.0.1", port)

        wait_until(listens, 10, "opendkim to listen")

    def _close(self):
        if self.process is not None:
            self.process.kill()  # it keeps nothing, and takes five seconds to end by itself
            self.process.close()
        self.directory.close()
