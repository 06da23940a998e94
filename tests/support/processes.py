"""Child processes and temporary directories that never outlive the test.

Three nets, each under the other: context managers, `atexit`, and a guard process that kills
and removes whatever is registered when this process disappears, even by SIGKILL.
"""

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# Below the kernel's range for outgoing connections, which could take a port between the
# moment it is found free and the moment a daemon binds it.
_PORT_FIRST, _PORT_LAST = 20000, 32000
_STOP_PATIENCE_S = 10.0

_GUARD_SOURCE = r"""
import os, shutil, signal, sys
groups, directories = set(), set()
for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(signal_number, signal.SIG_IGN)
kept = {"p": groups, "d": directories}
for line in sys.stdin:
    verb, value = line.rstrip("\n").split(" ", 1)
    (kept[verb[1]].add if verb[0] == "+" else kept[verb[1]].discard)(value)
for group in groups:
    try:
        os.killpg(int(group), signal.SIGKILL)
    except ProcessLookupError:
        pass
for directory in directories:
    shutil.rmtree(directory, ignore_errors=True)
"""


class _Guard:
    """The guard process, started with the first thing worth guarding."""

    def __init__(self):
        self._process = None

    def tell(self, line):
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-c", _GUARD_SOURCE],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
                cwd="/",
            )
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


_guard = _Guard()
_open_peers = []  # in order of start; what is still open at exit is closed in reverse


@atexit.register
def _close_all():
    for peer in reversed(list(_open_peers)):
        with contextlib.suppress(Exception):
            peer.close()


def _raise_exit(number, _frame):
    sys.exit(128 + number)


def exit_on_sigterm():
    """Makes SIGTERM end this program through `finally` and `atexit`. For main programs."""
    signal.signal(signal.SIGTERM, _raise_exit)


class Peer:
    """Something to close: the base of every class here. Close is safe to repeat."""

    def __init__(self):
        self._closed = False
        _open_peers.append(self)

    def close(self):
        """Ends the peer and removes what it left. Subclasses override `_close`."""
        if not self._closed:
            self._closed = True
            try:
                self._close()
            finally:
                _open_peers.remove(self)

    def _close(self):
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Directory(Peer):
    """A temporary directory that other users may enter (daemons drop privileges)."""

    def __init__(self, prefix="hikyaku-peer-"):
        super().__init__()
        self.path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.path, 0o755)
        _guard.tell("+d " + self.path)

    def file(self, name, text=None, mode=0o644):
        """The path of `name` inside; written with `text` (str or bytes) when given."""
        path = os.path.join(self.path, name)
        if text is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(text.encode() if isinstance(text, str) else text)
            os.chmod(path, mode)
        return path

    def _close(self):
        shutil.rmtree(self.path, ignore_errors=True)
        _guard.tell("-d " + self.path)


class Process(Peer):
    """A daemon in the foreground, in a process group of its own. Output goes to `log`."""

    def __init__(self, argv, log, **popen):
        super().__init__()
        self.log_path = log
        self.argv = list(argv)
        with open(log, "ab") as out:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            options.update(popen)
            self.popen = subprocess.Popen(self.argv, start_new_session=True, **options)
        self.pid = self.popen.pid
        _guard.tell(f"+p {self.pid}")

    def is_running(self):
        return self.popen.poll() is None

    def members(self):
        """{process id: its parent} of all living processes of the group."""
        return group_members(self.pid)

    def log(self):
        with open(self.log_path, errors="replace") as text:
            return text.read()

    def require_running(self):
        """Raises with the log when the daemon has ended."""
        if not self.is_running():
            raise RuntimeError(f"{self.argv[0]} ended ({self.popen.returncode}):\n{self.log()}")

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, patience_s=_STOP_PATIENCE_S):
        """SIGTERM, then after `patience_s` SIGKILL, to the whole group."""
        if self.is_running():
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(patience_s)
        self.kill()

    def kill(self):
        """SIGKILL to the whole group, and reaps."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()

    def _close(self):
        self.stop()
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                pipe.close()
        _guard.tell(f"-p {self.pid}")


def wait_until(predicate, deadline_s=10.0, what="condition", every_s=0.01):
    """Returns the first true value of `predicate()`; raises TimeoutError after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        time.sleep(every_s)


def free_port(addresses=("127.0.0.1",)):
    """A port that is free for TCP and UDP on every address."""
    for _ in range(1000):
        port = random.SystemRandom().randint(_PORT_FIRST, _PORT_LAST)
        with contextlib.ExitStack() as stack:
            try:
                for address in addresses:
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                        probe.bind((address, port))
                return port
            except OSError:
                continue
    raise RuntimeError(f"no port is free on {addresses}")


def accepts_tcp(address, port):
    """Does somebody listen there?"""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def cpu_seconds(process):
    """User and system time of all processes of a Process, children that ended included."""
    ticks = 0
    for _, fields in _all_processes():
        if int(fields[3]) == process.pid:  # its session: a Process leads one
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def group_members(group):
    """{process id: its parent} of all living processes of a process group."""
    return {pid: int(fields[1]) for pid, fields in _all_processes() if int(fields[2]) == group}


def _all_processes():
    """(pid, fields of /proc/pid/stat from the state on) of every process that is no zombie."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            yield int(entry), fields
