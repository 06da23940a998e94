"""Receivers that speak SMTP and store nothing by themselves: our sink and Postfix's."""

import dataclasses
import glob
import json
import os
import socket
import subprocess

from processes import Directory, Peer, Process, accepts_tcp, free_port, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find_program(name):
    """A program of the build: `$HK_BIN`/name, or the newest one under build/*/bin."""
    if "HK_BIN" in os.environ:
        return os.path.join(os.environ["HK_BIN"], name)
    built = glob.glob(os.path.join(_ROOT, "build", "*", "bin", name))
    if not built:
        raise FileNotFoundError(f"{name}: build it, or set HK_BIN to the directory it is in")
    return max(built, key=os.path.getmtime)


@dataclasses.dataclass(frozen=True)
class Received:
    """One record line: one recipient of one message that reached the final dot."""

    ending: str  # accepted, refused or unanswered
    recipient: str
    message_id: str
    size: int
    sha256: str
    local: str  # "address:port" the client connected to
    session: int
    sender: str
    tls: bool
    time_ms: int

    @staticmethod
    def parse(line):
        field = line.rstrip("\n").split("\t")
        return Received(
            field[0], field[1], field[2], int(field[3]), field[4], field[5], int(field[6]),
            field[7], field[8] == "tls", int(field[9]),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Sample:
    """One message kept by `samples=N`."""

    message: bytes  # without stuffing dots
    wire: bytes  # exactly as sent, final dot included
    envelope: dict  # ending, mail_from, mail_parameters, rcpt_to, helo, local, peer, tls, ...


class Sink(Peer):
    """The `sink` program (bench/load/sink). All addresses share one port, free when 0.

    `record` is None or when lines must be written: "none", "write", "fsync" (before the
    reply). `samples=N` keeps every N-th message. `options` are further arguments.
    """

    def __init__(self, addresses=("127.0.0.1",), port=0, *, binary=None, strict=False,
                 record="write", samples=0, tls=None, options=()):  # fmt: skip
        self.directory = Directory()
        super().__init__()
        self.record_path = self.directory.file("record.tsv")
        self.sample_directory = self.directory.file("samples")
        self._control = self.directory.file("control")
        self._summary = None
        os.mkdir(self.sample_directory)
        argv = [binary or find_program("sink"), "--same-port", "--control", self._control]
        for address in addresses:
            argv += ["--listen", f"{address}:{port}"]
        if strict:
            argv += ["--strict"]
        if record is not None:
            argv += ["--record", self.record_path, "--record-sync", record]
        if samples:
            argv += ["--sample", str(samples), self.sample_directory, "--sample-wire"]
        if tls is not None:
            argv += ["--tls", tls.certificate, tls.key]
        self.process = Process(
            argv + list(options), self.directory.file("log"), stdout=subprocess.PIPE, text=True
        )
        self.endpoints = []
        for line in self.process.popen.stdout:
            if line == "ready\n":
                break
            address, _, number = line.split()[1].rpartition(":")
            self.endpoints.append((address, int(number)))
        else:
            self.process.popen.wait()
            try:
                self.process.require_running()
            finally:
                self.close()
        self.port = self.endpoints[0][1]

    def command(self, line):
        """Sends one line to the control socket: `fault rcpt:450:0.5`, `clear`, ..."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(10)
            control.connect(self._control)
            control.sendall(line.encode() + b"\n")
            answer = b""
            while part := control.recv(65536):
                answer += part
        if answer == b"error\n":
            raise ValueError(f"the sink does not understand: {line}")
        return answer.decode()

    def stats(self):
        """The totals now, as a dict."""
        return json.loads(self.command("stats"))

    def reset(self):
        """Sets the totals to zero. Record and samples stay."""
        self.command("reset")

    def await_messages(self, count, deadline_s=30.0):
        """Waits until `count` messages were accepted; returns the totals."""
        wait_until(lambda: self.stats()["messages"] >= count, deadline_s,
                   f"{count} messages at the sink")  # fmt: skip
        return self.stats()

    def records(self):
        """All record lines so far, as Received."""
        with open(self.record_path, encoding="utf-8", errors="surrogateescape") as lines:
            return [Received.parse(line) for line in lines if line.endswith("\n")]

    def samples(self):
        """All samples so far, in order."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.sample_directory, "*.eml"))):
            parts = []
            for ending in (".eml", ".wire", ".json"):
                with open(path[: -len(".eml")] + ending, "rb") as part:
                    parts.append(part.read())
            found.append(Sample(parts[0], parts[1], json.loads(parts[2])))
        return found

    def stop(self):
        """Ends the sink in order; returns its last totals. The files stay until close."""
        if self._summary is None:
            self.process.popen.terminate()
            last = self.process.popen.stdout.read().strip().splitlines()
            self.process.popen.wait()
            self._summary = json.loads(last[-1]) if last else {}
        return self._summary

    def _close(self):
        self.process.close()
        self.directory.close()


class SmtpSink(Peer):
    """Postfix's smtp-sink: a second opinion. `options` are its own, e.g. ["-r", "RCPT"]."""

    def __init__(self, address="127.0.0.1", port=0, options=()):
        self.address = address
        self.port = port or free_port([address])
        self.directory = Directory()
        super().__init__()
        drop = ["-u", "postfix"] if os.geteuid() == 0 else []
        self.process = Process(
            ["smtp-sink", *drop, *options, f"{address}:{self.port}", "1024"],
            self.directory.file("log"),
        )

        def listens():
            self.process.require_running()
            return accepts_tcp(self.address, self.port)

        try:
            wait_until(listens, 10, "smtp-sink to listen")
        except BaseException:
            self.close()
            raise

    def _close(self):
        self.process.close()
        self.directory.close()


def smtp_source(endpoint, messages, *options, timeout_s=120):
    """Sends `messages` with Postfix's smtp-source; returns its CPU seconds."""
    argv = ["smtp-source", *options, "-m", str(messages), "%s:%d" % endpoint]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(
            lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT),
            timeout_s, "smtp-source to end",
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"smtp-source ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
