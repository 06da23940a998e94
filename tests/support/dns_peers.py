"""Name servers on loopback: NSD with given zones, Unbound before it, and a query by hand."""

import os
import secrets
import signal
import socket
import struct

from processes import Directory, Peer, Process, free_port, wait_until

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def _encode_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def _decode_name(packet, at):
    labels, end = [], None
    while True:
        size = packet[at]
        if size & 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        elif size == 0:
            return ".".join(labels), end or at + 1
        else:
            labels.append(packet[at + 1 : at + 1 + size].decode("latin-1"))
            at += 1 + size


def _decode_data(packet, kind, at, size):
    data = packet[at : at + size]
    if kind == TYPES["A"]:
        return socket.inet_ntop(socket.AF_INET, data)
    if kind == TYPES["AAAA"]:
        return socket.inet_ntop(socket.AF_INET6, data)
    if kind == TYPES["MX"]:
        return struct.unpack_from("!H", data)[0], _decode_name(packet, at + 2)[0]
    if kind in (TYPES["CNAME"], TYPES["NS"]):
        return _decode_name(packet, at)[0]
    if kind == TYPES["TXT"]:
        text = b""
        while data:
            text, data = text + data[1 : 1 + data[0]], data[1 + data[0] :]
        return text.decode("latin-1")
    return data


def query(server, port, name, kind, timeout_s=2.0):
    """Asks over UDP. Returns (rcode, answers of that type); raises TimeoutError."""
    number = secrets.randbelow(65536)
    packet = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0)
    packet += _encode_name(name) + struct.pack("!HH", TYPES[kind], 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout_s)
        asking.connect((server, port))
        asking.send(packet)
        reply = asking.recv(65535)
    got, flags, questions, answers = struct.unpack_from("!HHHH", reply)
    if got != number or questions != 1:
        raise ValueError("not the answer to this question")
    at = _decode_name(reply, 12)[1] + 4
    found = []
    for _ in range(answers):
        at = _decode_name(reply, at)[1]
        answer_kind, _, _, size = struct.unpack_from("!HHIH", reply, at)
        if answer_kind == TYPES[kind]:
            found.append(_decode_data(reply, answer_kind, at + 10, size))
        at += 10 + size
    return flags & 0xF, found


class _NameServer(Peer):
    """What both servers share: an address, a process, a directory."""

    def __init__(self, address, port):
        self.address = address
        self.port = port or free_port([address])
        self.directory = Directory()
        self.process = None
        super().__init__()

    def query(self, name, kind, timeout_s=2.0):
        return query(self.address, self.port, name, kind, timeout_s)

    def _await_answer(self, name):
        def answers():
            self.process.require_running()
            try:
                return self.query(name, "SOA", 0.3)[0] in (NOERROR, NXDOMAIN, REFUSED, SERVFAIL)
            except OSError:  # refused, or timed out
                return False

        try:
            wait_until(answers, 15, f"an answer from {self.process.argv[0]}")
        except BaseException:
            self.close()
            raise

    def _close(self):
        if self.process is not None:
            self.process.close()
        self.directory.close()


class Nsd(_NameServer):
    """NSD, authoritative for `zones`: {name: text in master file form}.

    A text without SOA gets `$ORIGIN`, `$TTL 60`, an SOA and an NS before it. Long TXT records
    must be written as several strings.
    """

    def __init__(self, zones, address="127.0.0.1", port=0):
        super().__init__(address, port)
        self._serial = 1
        self._zones = dict(zones)
        names = "".join(
            f'zone:\n  name: "{name}"\n  zonefile: "{self._write(name)}"\n' for name in self._zones
        )
        root = self.directory.path
        self.directory.file(
            "nsd.conf",
            f"""server:
  ip-address: {self.address}@{self.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{root}"
  database: ""
  zonelistfile: "{root}/zone.list"
  xfrdfile: "{root}/xfrd.state"
  xfrdir: "{root}"
  pidfile: ""
  cookie-secret-file: ""
  rrl-ratelimit: 0
  hide-version: yes
remote-control:
  control-enable: no
{names}""",
        )
        self.process = Process(
            ["nsd", "-d", "-c", self.directory.file("nsd.conf")], self.directory.file("nsd.log")
        )
        self._await_answer(next(iter(self._zones), "invalid"))

    def set_zone(self, name, text):
        """Replaces the text of a zone given at the start; returns when it is served."""
        if name not in self._zones:
            raise KeyError(name)
        self._serial += 1
        self._zones[name] = text
        before = self._version(name)
        # NSD rereads a file when its time of change differs, to the second.
        stamp = os.stat(self.directory.file(self._file(name))).st_mtime + 2
        os.utime(self._write(name), (stamp, stamp))
        old = {pid for pid, parent in self.process.members().items() if self._serves(pid, parent)}
        self.process.signal(signal.SIGHUP)
        # The old server answers from the same socket until it is gone.
        wait_until(
            lambda: self._version(name) not in (None, before) and old.isdisjoint(self.process.members()),
            15, f"{name} to be reloaded",
        )  # fmt: skip

    def _serves(self, pid, parent):
        # The first process starts a second one, which starts those that answer.
        return self.process.pid not in (pid, parent)

    def _version(self, name):
        try:
            return self.query(name, "SOA", 0.5)[1]
        except OSError:  # it may not answer while it reloads
            return None

    @staticmethod
    def _file(name):
        return f"zone-{name.rstrip('.')}"

    def _write(self, name):
        text = self._zones[name]
        if " SOA " not in text.replace("\t", " "):
            origin = name.rstrip(".") + "."
            text = (
                f"$ORIGIN {origin}\n$TTL 60\n"
                f"@ IN SOA ns.{origin} hostmaster.{origin} {self._serial} 3600 600 86400 60\n"
                f"@ IN NS ns.{origin}\nns IN A {self.address}\n{text}\n"
            )
        return self.directory.file(self._file(name), text)


class Unbound(_NameServer):
    """Unbound, a caching resolver that asks `authority` (an Nsd) for `zones`, nobody else."""

    def __init__(self, authority, zones, address="127.0.0.1", port=0):
        super().__init__(address, port)
        stubs = "".join(
            f'stub-zone:\n  name: "{zone}"\n'
            f"  stub-addr: {authority.address}@{authority.port}\n  stub-no-cache: no\n"
            for zone in zones
        )
        self.directory.file(
            "unbound.conf",
            f"""server:
  interface: {self.address}@{self.port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{self.directory.path}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  local-zone: "." refuse
{"".join(f'  local-zone: "{zone}" transparent' + chr(10) for zone in zones)}
remote-control:
  control-enable: no
{stubs}""",
        )
        self.process = Process(
            ["unbound", "-d", "-p", "-c", self.directory.file("unbound.conf")],
            self.directory.file("unbound.log"),
        )
        self._await_answer(next(iter(zones), "invalid"))
