#!/usr/bin/env python3
"""`hikyaku spf` against a real name server: what RFC 7208 says of a client and a sender."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from dns_peers import Nsd  # noqa: E402
from processes import Peer  # noqa: E402
from scenario import main  # noqa: E402
from smtp_peers import find_program  # noqa: E402

TEST_ZONE = r"""
one IN TXT "v=spf1 ip4:1.2.3.4 -all exp=why.test"
why IN TXT "%{c} may not send for %{o}: %{L}"
two IN TXT "v=spf1 -all"
two IN TXT "v=spf1 +all"
mixed IN TXT "verification=2026"
mixed IN TXT "V=SPF1 " "mx" " -all"
mixed IN MX 10 mail
mail IN A 1.2.3.4
mail IN AAAA cafe:babe::1
plain IN A 1.2.3.4
include IN TXT "v=spf1 include:one.test ~all"
lost IN TXT "v=spf1 include:plain.test ~all"
redirect IN TXT "v=spf1 redirect=one.test"
alias IN CNAME one
client IN TXT "v=spf1 ptr:%{d1} -all"
macro IN TXT "v=spf1 exists:%{l1r+}.%{ir}.%{v}.users.%{d2} -all"
*.users.macro IN A 127.0.0.2
mania IN TXT "v=spf1 a:macro%%percent%_%_space%-.test -all"
macro%percent\032\032space%20 IN A 1.2.3.4
helo IN TXT "v=spf1 a:%{h} -all"
loop IN TXT "v=spf1 redirect=loop.test"
void2 IN TXT "v=spf1 a:v1.test a:v2.test ?all"
void3 IN TXT "v=spf1 a:v1.test a:v2.test a:v3.test ?all"
knot IN CNAME knot2
knot2 IN CNAME knot
typo IN TXT "v=spf1 ip4:1.2.3.4 -all moo"
slow IN TXT "v=spf1 a:timeout.test -all"
slowwhy IN TXT "v=spf1 -all exp=timeout.test"
slowall IN TXT "v=spf1 ptr a:mail.test mx:mixed.test -all exp=timeout.test"
long IN TXT {long}
""".replace("{long}", " ".join('"%s"' % text for text in
            ["v=spf1 ", *["ip4:192.0.2.%d " % (i % 256) for i in range(200)], "+all"]))  # fmt: skip
ZONES = {
    "test": TEST_ZONE,
    "in-addr.arpa": "4.3.2.1 IN PTR mail.test.\n",
    "ip6.arpa": ("1." + "0." * 23 + "e.b.a.b.e.f.a.c IN PTR mail.test.\n"),
}


class Forgetful(Peer):
    """A DNS server that forwards datagrams to `behind`, and forgets those about "timeout" and
    about the addresses of 9.9.9.9."""

    def __init__(self, behind):
        self._behind = (behind.address, behind.port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        super().__init__()

    def _serve(self):
        while True:
            packet, source = self._socket.recvfrom(65535)
            if not packet:
                return
            if b"\x07timeout" in packet or b"\x019\x019\x019\x019" in packet:
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(2)
                asking.sendto(packet, self._behind)
                self._socket.sendto(asking.recv(65535), source)

    def _close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class Spf(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.dns = Nsd(ZONES)
        cls.addClassCleanup(cls.dns.close)

    def check(self, ip, sender, helo="mail.test", port=None):
        asked = subprocess.run(
            [find_program("hikyaku"), "spf", "--ip", ip, "--from", sender, "--helo", helo,
             "--dns", f"127.0.0.1:{port or self.dns.port}", "--json"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        self.assertEqual(asked.stderr, "")
        verdict = json.loads(asked.stdout)
        good = verdict["result"] in ("pass", "neutral", "none")
        self.assertEqual(asked.returncode, 0 if good else 1, verdict)
        return verdict

    def test_verdicts(self):
        rows = [
            # client, sender, result, mechanism, lookups
            ("1.2.3.4", "a@one.test", "pass", "ip4:1.2.3.4", 0),
            ("1.2.3.5", "a@two.test", "permerror", "", 0),
            ("1.2.3.4", "a@mixed.test", "pass", "mx", 1),
            ("cafe:babe::1", "a@mixed.test", "pass", "mx", 1),
            ("1.2.3.4", "a@plain.test", "none", "", 0),
            ("1.2.3.4", "a@gone.test", "none", "", 0),
            ("1.2.3.4", "a@[1.2.3.4]", "none", "", 0),
            ("1.2.3.4", "a@include.test", "pass", "include:one.test", 1),
            ("1.2.3.5", "a@include.test", "softfail", "~all", 1),
            ("1.2.3.5", "a@lost.test", "permerror", "include:plain.test", 1),
            ("1.2.3.4", "a@redirect.test", "pass", "ip4:1.2.3.4", 1),
            ("1.2.3.4", "a@alias.test", "pass", "ip4:1.2.3.4", 0),
            ("1.2.3.4", "a@client.test", "pass", "ptr:%{d1}", 1),
            ("CAFE:BABE::1", "a@client.test", "pass", "ptr:%{d1}", 1),
            ("1.2.3.9", "a@client.test", "fail", "-all", 1),
            ("1.2.3.4", "Joe+list@macro.test", "pass",
             "exists:%{l1r+}.%{ir}.%{v}.users.%{d2}", 1),
            ("1.2.3.4", "a@mania.test", "pass", "a:macro%%percent%_%_space%-.test", 1),
            ("1.2.3.4", "a@helo.test", "pass", "a:%{h}", 1),
            ("1.2.3.4", "a@loop.test", "permerror", "redirect=loop.test", 10),
            ("1.2.3.4", "a@void2.test", "neutral", "?all", 2),
            ("1.2.3.4", "a@void3.test", "permerror", "a:v3.test", 3),
            ("1.2.3.4", "a@knot.test", "none", "", 0),
            ("1.2.3.4", "a@typo.test", "permerror", "", 0),
            ("1.2.3.4", "a@long.test", "pass", "+all", 0),
            ("1.2.3.4", "a@unserved.example", "temperror", "", 0),
        ]  # fmt: skip
        for client, sender, result, mechanism, lookups in rows:
            with self.subTest(client=client, sender=sender):
                verdict = self.check(client, sender)
                self.assertEqual((verdict["result"], verdict["mechanism"], verdict["lookups"]),
                                 (result, mechanism, lookups), verdict)  # fmt: skip
                self.assertEqual(verdict["explanation"], "", verdict)
                self.assertEqual(bool(verdict["reason"]),
                                 result in ("none", "permerror", "temperror"))  # fmt: skip

    def test_explanations(self):
        verdict = self.check("1.2.3.5", "jack&jill=up@one.test")
        self.assertEqual(verdict["explanation"],
                         "1.2.3.5 may not send for one.test: jack%26jill%3Dup")  # fmt: skip
        verdict = self.check("1.2.3.5", "", "redirect.test")
        self.assertEqual(verdict["explanation"],
                         "1.2.3.5 may not send for redirect.test: postmaster")  # fmt: skip
        for helo in ("JUMPIN' JUPITER", "[192.168.218.40]", "OEMCOMPUTER"):
            self.assertEqual(self.check("1.2.3.5", "a@helo.test", helo)["mechanism"], "-all")
            self.assertEqual(self.check("1.2.3.5", "", helo)["result"], "none")

    def test_names_that_never_answer(self):
        with Forgetful(self.dns) as forgetful:
            for client, sender, result in [
                ("1.2.3.5", "a@timeout.test", "temperror"),
                ("1.2.3.5", "a@slow.test", "temperror"),
                ("1.2.3.5", "a@slowwhy.test", "fail"),
                ("9.9.9.9", "a@slowall.test", "fail"),
            ]:
                with self.subTest(client=client, sender=sender):
                    started = time.monotonic()
                    verdict = self.check(client, sender, port=forgetful.port)
                    self.assertLess(time.monotonic() - started, 18)
                    self.assertEqual(verdict["result"], result, verdict)


if __name__ == "__main__":
    main()
