"""Exim, OpenSMTPD and aiosmtpd beside Postfix, and a receiver whose answers a test chooses.

Debian lets one mail transport agent be installed: cmake/fetch_peers.sh unpacks the others below
build/peers. Each runs in a mount namespace of its own where its users, spool and /run are those of
a temporary directory. That needs root, as Postfix does.
"""

import glob
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading

from processes import Directory, Peer, Process, accepts_tcp, free_port, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PEERS = os.environ.get("HK_PEERS", os.path.join(_ROOT, "build", "peers"))
_START_S = 20
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

_NAMESPACE = """set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mount --bind "$1/spool" /var/spool
mount --bind "$1/run" /run
mount --bind "$1/lib" /var/lib
mount --bind "$1/ld.so.cache" /etc/ld.so.cache
shift
exec "$@"
"""


def find_server(package, program):
    """The root that `package` is unpacked in, fetched when it is not there; None without it."""
    root = os.path.join(_PEERS, package)
    if not os.path.exists(os.path.join(root, program)):
        subprocess.run(["bash", os.path.join(_ROOT, "cmake", "fetch_peers.sh"), _PEERS],
                       check=False, stdout=sys.stderr, stdin=subprocess.DEVNULL)  # fmt: skip
    return root if os.path.exists(os.path.join(root, program)) else None


class UnpackedServer(Peer):
    """A server of build/peers. Subclasses give `package`, `program`, `users` and `_configure`."""

    package = program = None
    users = ()

    @classmethod
    def is_available(cls):
        return os.geteuid() == 0 and find_server(cls.package, cls.program) is not None

    def __init__(self, address="127.0.0.1", port=0):
        self.address = address
        self.port = port or free_port([address])
        self.root = find_server(self.package, self.program)
        self.directory = Directory()
        self.process = None
        super().__init__()
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.close()
            raise

    def _prepare(self):
        passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"
        group = "root:x:0:\nmail:x:8:\nnogroup:x:65534:\n"
        for number, user in enumerate(self.users, 911):
            passwd += f"{user}:x:{number}:{number}::/var/empty:/bin/false\n"
            group += f"{user}:x:{number}:\n"
        self.directory.file("passwd", passwd)
        self.directory.file("group", group)
        for name in ("spool", "run", "lib/opensmtpd/empty"):
            os.makedirs(os.path.join(self.directory.path, name))
        # Not LD_LIBRARY_PATH: a set-user-id program does not look at it.
        libraries = [os.path.join(self.root, part) for part in _LIBRARIES]
        subprocess.run(["ldconfig", "-X", "-C", self.directory.file("ld.so.cache"),
                        *filter(os.path.isdir, libraries)], check=True, capture_output=True)

    def command(self, *argv):
        """`argv` as it runs inside the namespace."""
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", _NAMESPACE, "sh",
                self.directory.path, os.path.join(self.root, argv[0]), *argv[1:]]  # fmt: skip

    def run(self, *argv, check=True):
        """A command of the server's own inside its namespace; its output."""
        done = subprocess.run(self.command(*argv), env=_ENVIRONMENT, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def _launch(self, *argv):
        self.process = Process(self.command(*argv), self.directory.file("server.log"),
                               env=_ENVIRONMENT, stdin=subprocess.DEVNULL)  # fmt: skip

        def listens():
            self.process.require_running()
            return accepts_tcp(self.address, self.port)

        wait_until(listens, _START_S, f"{self.package} to listen")

    def log(self):
        with open(self.directory.file("server.log"), errors="replace") as log:
            return log.read()

    def _close(self):
        if self.process is not None:
            self.process.close()
        self.directory.close()


class EximServer(UnpackedServer):
    """Exim: takes mail for `domains` and hands it to `next_hop`; all other mail that it makes
    itself (bounces) goes to `bounces_to`. Both (address, port)."""

    package, program = "exim4-daemon-light", "usr/sbin/exim4"
    users = ("Debian-exim",)

    def __init__(self, domains, next_hop, bounces_to=None, retry="F,3s,1s", **where):
        self._domains = domains
        self._next_hop = next_hop
        self._bounces_to = bounces_to or next_hop
        self._retry = retry
        super().__init__(**where)

    def _start(self):
        spool = os.path.join(self.directory.path, "spool", "exim4")
        os.makedirs(os.path.join(spool, "log"))
        for path, folders, _ in os.walk(spool):
            for name in [path, *(os.path.join(path, f) for f in folders)]:
                os.chown(name, 911, 911)
        text = f"""
primary_hostname = exim.test
keep_environment =
exim_path = {os.path.join(self.root, self.program)}
spool_directory = /var/spool/exim4
log_file_path = /var/spool/exim4/log/%slog
pid_file_path =
local_interfaces = {self.address}
daemon_smtp_ports = {self.port}
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
delay_warning = 1s
delay_warning_condition = yes
queue_run_max = 5
never_users =
acl_smtp_rcpt = rcpt
acl_smtp_data = accept_all
begin acl
rcpt:
  accept domains = {' : '.join(self._domains)}
  deny message = relay not permitted
accept_all:
  accept
begin routers
ours:
  driver = manualroute
  domains = {' : '.join(self._domains)}
  transport = out
  route_list = * {self._next_hop[0]}::{self._next_hop[1]} byname
  self = send
others:
  driver = manualroute
  transport = back
  route_list = * {self._bounces_to[0]}::{self._bounces_to[1]} byname
  self = send
begin transports
out:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_chunking =
  command_timeout = 10s
back:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_chunking =
  command_timeout = 10s
begin retry
* * {self._retry}
"""
        # Where Debian's Exim looks by itself: with -C it would give up its privileges.
        os.makedirs(os.path.join(self.directory.path, "lib", "exim4"))
        self.directory.file("lib/exim4/config.autogenerated", text)
        self._launch(self.program, "-bdf", "-q1s")

    def log(self):
        logs = glob.glob(os.path.join(self.directory.path, "spool", "exim4", "log", "*"))
        text = super().log()
        for path in logs:
            with open(path, errors="replace") as log:
                text += log.read()
        return text


class OpensmtpdServer(UnpackedServer):
    """OpenSMTPD in the same place; `ttl` is the life of a message in its queue."""

    package, program = "opensmtpd", "usr/sbin/smtpd"
    users = ("opensmtpd", "opensmtpq")

    def __init__(self, domains, next_hop, bounces_to=None, ttl="4s", **where):
        self._domains = domains
        self._next_hop = next_hop
        self._bounces_to = bounces_to or next_hop
        self._ttl = ttl
        super().__init__(**where)

    def _start(self):
        spool = os.path.join(self.directory.path, "spool")
        os.makedirs(os.path.join(spool, "smtpd"), mode=0o711)
        os.chmod(os.path.join(spool, "smtpd"), 0o711)
        lines = "".join(f'match from any for domain "{d}" action "out"\n' for d in self._domains)
        text = f"""
queue ttl {self._ttl}
bounce warn-interval 1s
listen on {self.address} port {self.port} hostname opensmtpd.test
action "out" relay host "smtp://{self._next_hop[0]}:{self._next_hop[1]}"
action "back" relay host "smtp://{self._bounces_to[0]}:{self._bounces_to[1]}"
{lines}match from any mail-from "" for any action "back"
match from local for any action "back"
"""
        self.config = self.directory.file("smtpd.conf", text)
        self._launch(self.program, "-d", "-f", self.config)

    def flush(self):
        """Tries everything in the queue again."""
        return self.run("usr/sbin/smtpctl", "schedule", "all", check=False)


class ScriptedMx(Peer):
    """An SMTP server in this process that answers RCPT as `answers` says: {local part: reply},
    everybody else is taken. Keeps what it took: (mail_from, recipients, raw bytes of DATA)."""

    def __init__(self, answers=None, address="127.0.0.1", port=0):
        super().__init__()
        self.answers = answers or {}
        self.messages = []
        self.asked = []
        self._lock = threading.Lock()
        peer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    peer._serve(self.rfile, self.wfile)
                except (ConnectionError, BrokenPipeError):
                    pass  # the client is gone; so is its session

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server((address, port), Session)
        self.address, self.port = self._server.server_address
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _serve(self, source, sink):
        def say(text):
            sink.write(text.encode() + b"\r\n")
            sink.flush()

        sender, recipients = "", []
        say("220 scripted.test ESMTP")
        while line := source.readline(65536):
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                say("250-scripted.test\r\n250-8BITMIME\r\n250 PIPELINING")
            elif verb == b"MAIL":
                sender, recipients = _path(line), []
                say("250 2.1.0 Ok")
            elif verb == b"RCPT":
                address = _path(line)
                with self._lock:
                    self.asked.append(address)
                reply = self.answers.get(address.split("@")[0], "250 2.1.5 Ok")
                recipients += [address] if reply.startswith("2") else []
                say(reply)
            elif verb == b"DATA" and recipients:
                say("354 go on")
                raw = b""
                while not raw.endswith(b"\r\n.\r\n") and raw != b".\r\n":
                    part = source.readline(65536)
                    if not part:
                        return
                    raw += part
                with self._lock:
                    self.messages.append((sender, list(recipients), raw))
                say("250 2.0.0 Ok")
            elif verb == b"QUIT":
                say("221 2.0.0 Bye")
                return
            else:
                say("250 2.0.0 Ok" if verb in (b"RSET", b"NOOP") else "503 5.5.1 Not now")

    def await_messages(self, count, deadline_s=30.0):
        wait_until(lambda: len(self.messages) >= count, deadline_s, f"{count} messages")
        return list(self.messages)

    def _close(self):
        self._server.shutdown()
        self._server.server_close()


def _path(line):
    found = re.search(rb"<([^>]*)>", line)
    return found.group(1).decode(errors="replace") if found else ""


_AIOSMTPD = """
import asyncio, sys
from aiosmtpd.smtp import SMTP
class Keeper:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        Keeper.count += 1
        with open(f"{sys.argv[3]}/{Keeper.count}", "w") as out:
            out.write("\\n".join(envelope.rcpt_tos))
        return "250 2.0.0 Ok"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(), enable_SMTPUTF8=True),
                                      sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()
asyncio.run(main())
"""


class AiosmtpdReceiver(Peer):
    """Python's aiosmtpd; remembers who got each message."""

    @staticmethod
    def is_available():
        return subprocess.run([_system_python(), "-c", "import aiosmtpd.smtp"], check=False,
                              capture_output=True).returncode == 0  # fmt: skip

    def __init__(self, address="127.0.0.1"):
        super().__init__()
        self.address, self.port = address, free_port([address])
        self.directory = Directory()
        self._kept = os.path.join(self.directory.path, "kept")
        os.makedirs(self._kept)
        self.process = Process([_system_python(), "-c", _AIOSMTPD, address, str(self.port),
                                self._kept], self.directory.file("log"))  # fmt: skip
        wait_until(lambda: accepts_tcp(address, self.port), _START_S, "aiosmtpd to listen")

    def recipients(self):
        """One list for each message."""
        out = []
        for path in glob.glob(os.path.join(self._kept, "*")):
            with open(path) as kept:
                out.append(kept.read().split())
        return out

    def _close(self):
        self.process.close()
        self.directory.close()


def _system_python():
    """The interpreter that Debian's packages are for."""
    return shutil.which("python3", path="/usr/bin") or sys.executable
