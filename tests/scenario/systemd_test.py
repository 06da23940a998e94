#!/usr/bin/env python3
"""The unit and its companions: valid, sandboxed, and what they make has the right owner and mode."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "systemd")
UNIT = os.path.join(FOLDER, "hikyaku.service")
# Tenths: systemd's exposure level, 0 (safest) to 10.
EXPOSURE_MAX = 20


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def settings(text):
    """Every `Key=value` of a unit, in order."""
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
class UnitTest(unittest.TestCase):
    def verify(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hikyaku.service")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = run("systemd-analyze", "verify", "--man=no", path)
            return done.returncode, done.stdout + done.stderr

    def installed(self):
        """The unit with a program in ExecStart that exists on this machine."""
        text, count = re.subn(r"^ExecStart=/usr/sbin/hikyaku ", "ExecStart=/bin/true ", read(UNIT),
                              flags=re.MULTILINE)
        self.assertEqual(count, 1)
        return text

    def test_verify_is_clean(self):
        code, said = self.verify(self.installed())
        self.assertEqual((code, said), (0, ""))

    def test_verify_notices_a_misspelt_key(self):
        _, said = self.verify(self.installed().replace("ProtectHome=", "ProtectHomes="))
        self.assertIn("ProtectHomes", said)

    def test_exposure_is_low(self):
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}",
                   UNIT)
        self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)

    def test_exposure_notices_an_open_unit(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hikyaku.service")
            with open(path, "w", encoding="utf-8") as file:
                file.write("[Service]\nExecStart=/bin/true\n")
            done = run("systemd-analyze", "security", "--offline=true",
                       f"--threshold={EXPOSURE_MAX}", path)
        self.assertNotEqual(done.returncode, 0)

    def test_what_the_daemon_relies_on(self):
        found = settings(read(UNIT))
        for setting in (("Type", "notify"), ("NotifyAccess", "main"), ("WatchdogSec", "30"),
                        ("Restart", "always"), ("RestartSec", "1"), ("TimeoutStopSec", "90"),
                        ("LimitNOFILE", "65536"), ("LimitCORE", "0"), ("User", "hikyaku"),
                        ("StateDirectory", "hikyaku"), ("LogsDirectory", "hikyaku"),
                        ("RuntimeDirectory", "hikyaku"), ("ConfigurationDirectory", "hikyaku"),
                        ("ExecReload", "/bin/kill -HUP $MAINPID"), ("UMask", "0077"),
                        ("CapabilityBoundingSet", ""), ("AmbientCapabilities", ""),
                        ("LoadCredential", "master.key:/etc/hikyaku/master.key")):
            self.assertIn(setting, found)


@unittest.skipUnless(shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles"),
                     "systemd is not installed")
@unittest.skipUnless(os.geteuid() == 0, "making files of another owner needs root")
class FilesTest(unittest.TestCase):
    def test_user_and_directories(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "etc/hikyaku"))
            key = os.path.join(root, "etc/hikyaku/master.key")
            with open(key, "w", encoding="utf-8") as file:
                file.write("secret")
            os.chmod(key, 0o644)
            made = run("systemd-sysusers", f"--root={root}",
                       os.path.abspath(os.path.join(FOLDER, "hikyaku.sysusers")))
            self.assertEqual(made.returncode, 0, made.stderr)
            user = next(line for line in read(os.path.join(root, "etc/passwd")).splitlines()
                        if line.startswith("hikyaku:")).split(":")
            self.assertEqual(user[5:], ["/var/lib/hikyaku", "/usr/sbin/nologin"])
            made = run("systemd-tmpfiles", "--create", f"--root={root}",
                       os.path.abspath(os.path.join(FOLDER, "hikyaku.tmpfiles")))
            self.assertEqual(made.returncode, 0, made.stderr)
            uid, gid = int(user[2]), int(user[3])
            for path, mode, owner, group in (("etc/hikyaku", 0o750, 0, gid),
                                             ("etc/hikyaku/master.key", 0o400, 0, 0),
                                             ("var/lib/hikyaku", 0o700, uid, gid),
                                             ("var/log/hikyaku", 0o750, uid, gid)):
                info = os.stat(os.path.join(root, path))
                self.assertEqual((path, oct(info.st_mode & 0o7777), info.st_uid, info.st_gid),
                                 (path, oct(mode), owner, group))


class LogrotateTest(unittest.TestCase):
    PATH = os.path.join(FOLDER, "hikyaku.logrotate")

    def test_retention_and_signal(self):
        text = read(self.PATH)
        # 30 days of personal data; the daemon makes the file and is told to.
        for line in ("rotate -1", "maxage 30", "ifempty", "nocreate", "delaycompress",
                     "su hikyaku hikyaku"):
            self.assertRegex(text, rf"(?m)^\s+{line}$")
        self.assertIn("--signal=SIGUSR1 hikyaku.service", text)
        self.assertNotIn("copytruncate", text)

    @unittest.skipUnless(shutil.which("logrotate"), "logrotate is not installed")
    def test_logrotate_takes_it(self):
        done = run("logrotate", "--debug", self.PATH)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("error:", done.stderr)


if __name__ == "__main__":
    unittest.main()
