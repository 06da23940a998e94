#!/usr/bin/env python3
"""The peers themselves: each does what the scenarios rely on, without Hikyaku."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import peers  # noqa: E402

MESSAGE = (
    b"From: a@sender.test\r\nTo: b@example.test\r\nSubject: test\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0900\r\nMessage-ID: <1@sender.test>\r\n\r\nline\r\n.dot\r\n..two\r\nend\r\n"
)


class Client:
    """The smallest SMTP client that sends exactly what it is told."""

    def __init__(self, address, port, ehlo=True):
        self._socket = socket.create_connection((address, port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self.greeting = self.reply()
        if ehlo:
            self.capabilities = self.say("EHLO client.test")

    def reply(self):
        """The next reply, its lines joined; empty when the connection ended."""
        text = b""
        while True:
            line = self._file.readline()
            text += line
            if len(line) < 4 or line[3:4] == b" ":
                return text.decode()

    def send(self, data):
        self._socket.sendall(data)

    def say(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def is_closed(self):
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def start_tls(self, certificate, name):
        """STARTTLS, trusting this certificate only."""
        if not self.say("STARTTLS").startswith("220"):
            raise AssertionError("STARTTLS refused")
        context = ssl.create_default_context(cafile=certificate)
        self._file.close()
        self._socket = context.wrap_socket(self._socket, server_hostname=name)
        self._file = self._socket.makefile("rb")

    def start_mail(self, *recipients):
        """MAIL and RCPTs; returns the replies to RCPT."""
        if not self.say("MAIL FROM:<a@sender.test>").startswith("250"):
            raise AssertionError("MAIL refused")
        return [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]

    def deliver(self, recipient, wire):
        """One whole transaction with the octets `wire`; returns the last reply."""
        replies = self.start_mail(recipient)
        if not replies[0].startswith("250"):
            return replies[0]
        self.say("DATA")
        self.send(wire)
        return self.reply()

    def close(self):
        self._file.close()
        self._socket.close()


def stuffed(message):
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class PeerTest(unittest.TestCase):
    def open(self, peer):
        """Enters a context manager for the time of the test."""
        self.addCleanup(peer.close)
        return peer

    def client(self, sink, index=0, **options):
        return self.open(Client(*sink.endpoints[index], **options))


class SinkCounts(PeerTest):
    def test_every_message_of_smtp_source_is_counted_and_recorded(self):
        sink = self.open(peers.Sink(strict=True, options=["--distinct", "--threads", "2"]))
        peers.smtp_source(sink.endpoints[0], 500, "-d", "-N", "-s", "7", "-l", "10240")
        stats = sink.await_messages(500)
        self.assertEqual(stats["messages"], 500)
        self.assertEqual(stats["distinct_recipients"], 500)
        self.assertEqual(stats["duplicates"], 0)
        self.assertEqual(stats["sessions"], 7)
        self.assertEqual(stats["violations"], 0, stats)
        self.assertGreater(stats["bytes"], 500 * 10240)
        records = sink.records()
        self.assertEqual(len({record.message_id for record in records}), 500)
        self.assertEqual({record.ending for record in records}, {"accepted"})
        self.assertEqual(sum(record.size for record in records), stats["bytes"])
        self.assertEqual(sink.stop()["messages"], 500)

    def test_one_port_on_many_addresses(self):
        sink = self.open(peers.Sink([f"127.0.0.{i}" for i in range(2, 7)]))
        self.assertEqual({port for _, port in sink.endpoints}, {sink.port})
        self.client(sink, 3).deliver("a@example.test", stuffed(MESSAGE))
        listeners = sink.stats()["listeners"]
        self.assertEqual(listeners[f"127.0.0.5:{sink.port}"]["messages"], 1)
        self.assertEqual(listeners[f"127.0.0.2:{sink.port}"]["sessions"], 0)
        self.assertEqual(sink.records()[0].local, f"127.0.0.5:{sink.port}")

    def test_all_of_loopback_on_one_socket(self):
        sink = self.open(peers.Sink(["0.0.0.0"]))
        client = self.open(Client("127.77.3.9", sink.port))
        client.deliver("a@example.test", stuffed(MESSAGE))
        self.assertEqual(sink.records()[0].local, f"127.77.3.9:{sink.port}")

    def test_reset_sets_totals_to_zero(self):
        sink = self.open(peers.Sink())
        self.client(sink).deliver("a@example.test", stuffed(MESSAGE))
        sink.reset()
        self.assertEqual(sink.stats()["messages"], 0)


class SinkKeepsMessages(PeerTest):
    def test_sample_is_unstuffed_and_wire_is_exact_however_it_is_cut(self):
        sink = self.open(peers.Sink(samples=1, strict=True, options=["--record-sha256"]))
        wire = stuffed(MESSAGE)
        client = self.client(sink)
        for cut in range(1, len(wire)):
            client.start_mail(f"r{cut}@example.test")
            client.say("DATA")
            client.send(wire[:cut])
            sink.stats()  # a round trip, so that the parts are likely to be read apart
            client.send(wire[cut:])
            self.assertTrue(client.reply().startswith("250"), cut)
        samples = sink.samples()
        self.assertEqual(len(samples), len(wire) - 1)
        for sample in samples:
            self.assertEqual(sample.message, MESSAGE)
            self.assertEqual(sample.wire, wire)
        self.assertEqual(samples[0].envelope["rcpt_to"], ["r1@example.test"])
        self.assertEqual(samples[0].envelope["mail_from"], "a@sender.test")
        self.assertEqual(sink.records()[0].message_id, "<1@sender.test>")
        self.assertEqual(len({record.sha256 for record in sink.records()}), 1)
        self.assertEqual(sink.stats()["violations"], 0)

    def test_record_is_written_before_the_reply(self):
        sink = self.open(peers.Sink(record="write"))
        client = self.client(sink)
        for i in range(20):
            client.deliver(f"r{i}@example.test", stuffed(MESSAGE))
            self.assertEqual(len(sink.records()), i + 1)

    def test_pipelined_commands_are_all_answered(self):
        sink = self.open(peers.Sink(strict=True))
        client = self.client(sink)
        envelope = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<%d@b.test>\r\nDATA\r\n"
        client.send(envelope % 0)
        for i in range(1, 50):
            self.assertEqual([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
            client.send(stuffed(MESSAGE))
            self.assertTrue(client.reply().startswith("250"))
            client.send(envelope % i)
        self.assertEqual(sink.stats()["messages"], 49)
        self.assertEqual(sink.stats()["violations"], 0)

    def test_quoted_local_parts_keep_their_angles(self):
        sink = self.open(peers.Sink(strict=True))
        self.client(sink).deliver(r'"a>b\" c"@example.test', stuffed(MESSAGE))
        self.assertEqual(sink.records()[0].recipient, r'"a>b\" c"@example.test')
        self.assertEqual(sink.stats()["violations"], 0)

    def test_chunking(self):
        sink = self.open(peers.Sink(samples=1, options=["--chunking"]))
        client = self.client(sink)
        client.start_mail("a@example.test")
        client.send(b"BDAT 10\r\n" + MESSAGE[:10])
        self.assertTrue(client.reply().startswith("250"))
        client.send(b"BDAT %d LAST\r\n" % (len(MESSAGE) - 10) + MESSAGE[10:])
        self.assertTrue(client.reply().startswith("250"))
        self.assertEqual(sink.samples()[0].message, MESSAGE)

    def test_starttls(self):
        directory = self.open(peers.Directory())
        certificate = peers.make_certificate(directory, ["mx.test"])
        sink = self.open(peers.Sink(tls=certificate, strict=True))
        client = self.client(sink)
        self.assertIn("250-STARTTLS", client.capabilities)
        client.start_tls(certificate.certificate, "mx.test")
        self.assertNotIn("STARTTLS", client.say("EHLO client.test"))
        big = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 100_000
        self.assertTrue(client.deliver("a@example.test", big + b".\r\n").startswith("250"))
        self.assertEqual(sink.records()[0].size, len(big))
        self.assertTrue(sink.records()[0].tls)
        self.assertEqual(sink.stats()["tls_sessions"], 1)


class SinkIsStrict(PeerTest):
    def violations_of(self, body):
        sink = self.open(peers.Sink(strict=True))
        reply = self.client(sink).deliver("a@example.test", body + b"\r\n.\r\n")
        self.assertTrue(reply.startswith("250"), reply)
        return sink.stats()["violation_kinds"]

    def test_each_defect_is_found_and_nothing_else(self):
        rows = [
            (b"a\r\nb", {}),
            (b"x" * 998, {}),
            (b"..stuffed\r\n" + b"." + b"x" * 998, {"unstuffed_dot": 1}),
            (b"a\nb", {"bare_lf": 1}),
            (b"a\n.\nb", {"bare_lf": 2}),
            (b"a\r\n.\nb", {"bare_lf": 1, "unstuffed_dot": 1}),
            (b"a\n.\r\nb", {"bare_lf": 1}),
            (b"a\rb", {"bare_cr": 1}),
            (b"a\r.\rb", {"bare_cr": 2}),
            (b"a\r\n.\rb", {"bare_cr": 1}),
            (b"a\r\r\nb", {"bare_cr": 1}),
            (b"x" * 999, {"long_line": 1}),
            (b"x" * 5000 + b"\r\n" + b"y" * 999, {"long_line": 2}),
            (b"a\0b", {"nul": 1}),
            (b".single", {"unstuffed_dot": 1}),
            ("あ".encode(), {"eight_bit_undeclared": 1}),
        ]
        for body, expected in rows:
            with self.subTest(body=body[:40]):
                self.assertEqual(self.violations_of(body), expected)

    def test_what_follows_the_final_dot_is_reported(self):
        sink = self.open(peers.Sink(strict=True))
        client = self.client(sink)
        client.deliver("a@example.test", b"x\r\n.\r\nMAIL FROM:<smuggled@b.test>\r\n")
        self.assertEqual(sink.stats()["violation_kinds"], {"after_end_of_data": 1})

    def test_pipelining_after_data_is_reported(self):
        sink = self.open(peers.Sink(strict=True))
        client = self.client(sink)
        client.start_mail("a@example.test")
        client.send(b"DATA\r\ntoo early\r\n.\r\n")
        client.reply()
        client.reply()
        self.assertEqual(sink.stats()["violation_kinds"], {"unauthorised_pipelining": 1})


class SinkFails(PeerTest):
    def test_prefixes_of_the_local_part(self):
        sink = self.open(peers.Sink())
        rows = [
            ("bounce-1", "550 5.1.1"), ("defer-1", "450 4.2.1"), ("full-1", "552 5.2.2"),
            ("listed-1", "550 5.7.1"), ("bounce-dot-1", "554 5.7.1"),
            ("defer-dot-1", "451 4.3.0"), ("defer-once-1", "451 4.7.1"),
            ("busy-1", "421 4.3.2"), ("drop-rcpt-1", ""), ("drop-dot-1", ""), ("fine", "250"),
            ("defer-once-1", "250"), ("drop-dot-once-1", ""), ("drop-dot-once-1", "250"),
        ]  # fmt: skip
        for local, expected in rows:
            with self.subTest(local=local):
                client = self.client(sink)
                reply = client.deliver(f"{local}@example.test", stuffed(MESSAGE))
                self.assertTrue(reply.startswith(expected), reply)
                self.assertEqual(reply == "", expected == "")
        endings = [(record.ending, record.recipient.partition("@")[0]) for record in sink.records()]
        self.assertEqual(
            endings,
            [("refused", "bounce-dot-1"), ("refused", "defer-dot-1"), ("unanswered", "drop-dot-1"),
             ("accepted", "fine"), ("accepted", "defer-once-1"),
             ("unanswered", "drop-dot-once-1"), ("accepted", "drop-dot-once-1")],
        )  # fmt: skip

    def test_close_at_each_point(self):
        for point in ("banner", "ehlo", "mail", "rcpt", "data", "body", "dot", "quit"):
            with self.subTest(point=point):
                sink = self.open(peers.Sink(options=["--close-at", f"{point}:1"]))
                client = self.client(sink, ehlo=False)
                for line in (b"EHLO c\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<d@e.f>\r\n",
                             b"DATA\r\n", b"x\r\n.\r\n", b"QUIT\r\n"):  # fmt: skip
                    try:
                        client.send(line)
                        ended = client.reply() == ""
                    except OSError:
                        ended = True
                    if ended:
                        break
                self.assertTrue(client.is_closed())
                self.assertEqual(sink.stats()["closed"], 1)
                self.assertEqual(sink.stats()["messages"], 1 if point == "quit" else 0)

    def test_fault_by_probability_follows_the_seed(self):
        def run(seed):
            sink = self.open(peers.Sink(options=["--fault", "rcpt:450:0.5", "--seed", str(seed)]))
            client = self.client(sink)
            replies = client.start_mail(*[f"{i}@example.test" for i in range(200)])
            return [reply[:3] for reply in replies]

        first = run(7)
        self.assertEqual(first, run(7))
        self.assertNotEqual(first, run(8))
        self.assertTrue(60 < first.count("450") < 140, first.count("450"))

    def test_fault_by_pattern_and_change_while_running(self):
        sink = self.open(peers.Sink(options=["--fault", r"rcpt:550:*@bad.test:5.1.2 No\nway"]))
        client = self.client(sink)
        replies = client.start_mail("a@bad.test", "a@good.test")
        self.assertEqual(replies[0], "550-5.1.2 No\r\n550 way\r\n")
        self.assertTrue(replies[1].startswith("250"))
        sink.command("clear")
        sink.command("fault dot:451:1:4.3.2 Later")
        client = self.client(sink)
        reply = client.deliver("a@bad.test", stuffed(MESSAGE))
        self.assertEqual(reply, "451 4.3.2 Later\r\n")
        with self.assertRaises(ValueError):
            sink.command("fault nonsense")

    def test_limits_greylist_and_delay(self):
        sink = self.open(
            peers.Sink(options=["--greylist", "--max-messages-per-connection", "1",
                                "--max-connections", "1", "--delay-dot", "300"])
        )  # fmt: skip
        client = self.client(sink)
        self.assertTrue(client.start_mail("a@b.test")[0].startswith("451"))
        client.say("RSET")
        self.assertTrue(client.deliver("a@b.test", stuffed(MESSAGE)).startswith("250"))
        self.assertTrue(self.client(sink, ehlo=False).greeting.startswith("421"))
        self.assertTrue(client.say("MAIL FROM:<a@b.test>").startswith("421"))
        self.assertTrue(client.is_closed())
        self.assertGreaterEqual(sink.stats()["refused"], 3)

    def test_stall_keeps_the_connection(self):
        sink = self.open(peers.Sink())
        client = self.client(sink)
        client.start_mail("stall-dot-1@b.test")
        client.say("DATA")
        client.send(b"x\r\n.\r\n")
        peers.wait_until(lambda: sink.stats()["stalled"] == 1, 5, "the stall")
        self.assertEqual(sink.stats()["sessions_open"], 1)


class NameServers(PeerTest):
    ZONE = (
        "@ IN MX 10 mx1\n@ IN MX 20 mx2\nmx1 IN A 127.0.0.2\nmx2 IN A 127.0.0.3\n"
        '@ IN TXT "v=spf1 " "-all"\n'
    )

    def test_nsd_answers_and_changes(self):
        dns = self.open(peers.Nsd({"example.test": self.ZONE}))
        rcode, answers = dns.query("example.test", "MX")
        self.assertEqual(rcode, peers.NOERROR)
        self.assertEqual(sorted(answers), [(10, "mx1.example.test"), (20, "mx2.example.test")])
        self.assertEqual(dns.query("mx2.example.test", "A"), (peers.NOERROR, ["127.0.0.3"]))
        self.assertEqual(dns.query("example.test", "TXT")[1], ["v=spf1 -all"])
        self.assertEqual(dns.query("no.example.test", "A")[0], peers.NXDOMAIN)
        self.assertEqual(dns.query("other.test", "A")[0], peers.REFUSED)
        for i in range(5):
            dns.set_zone("example.test", f"@ IN MX {i} mx3")
            for _ in range(20):
                self.assertEqual(dns.query("example.test", "MX")[1], [(i, "mx3.example.test")])

    def test_unbound_asks_nsd(self):
        dns = self.open(peers.Nsd({"example.test": self.ZONE}))
        resolver = self.open(peers.Unbound(dns, ["example.test"]))
        self.assertEqual(resolver.query("mx1.example.test", "A")[1], ["127.0.0.2"])
        self.assertEqual(resolver.query("elsewhere.example.org", "A")[0], peers.REFUSED)


class RealReceivers(PeerTest):
    def swaks(self, server, port, recipient, *options):
        return subprocess.run(
            ["swaks", "--server", server, "--port", str(port), "--to", recipient, "--from",
             "b@sender.test", "--helo", "c.test", "--header", "Subject: hello", *options],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def test_postfix_stores_what_it_accepts(self):
        postfix = self.open(
            peers.PostfixReceiver(["example.test"], ["user@example.test"], tls=True,
                                  address="127.0.0.8")
        )  # fmt: skip
        done = self.swaks("127.0.0.8", postfix.port, "user@example.test")
        self.assertEqual(done.returncode, 0, done.stdout + postfix.log())
        stored = postfix.await_messages(1)[0]
        self.assertEqual(stored.recipient, "user@example.test")
        self.assertEqual(stored.parsed["Subject"], "hello")
        client = self.open(Client("127.0.0.8", postfix.port))
        client.start_tls(postfix.certificate.certificate, "mx.test")
        client.say("EHLO client.test")
        reply = client.deliver("user@example.test", stuffed(MESSAGE))
        self.assertTrue(reply.startswith("250"), reply)
        self.assertIn(b"line\r\n.dot\r\n..two\r\nend\r\n", postfix.await_messages(2)[1].raw)
        refused = self.swaks("127.0.0.8", postfix.port, "nobody@example.test")
        self.assertIn("550 5.1.1", refused.stdout)
        relayed = self.swaks("127.0.0.8", postfix.port, "a@elsewhere.test")
        self.assertIn("554 5.7.1", relayed.stdout)

    def test_postfix_refuses_a_bare_newline(self):
        postfix = self.open(peers.PostfixReceiver(["example.test"]))
        client = self.open(Client("127.0.0.1", postfix.port))
        reply = client.deliver("a@example.test", b"Subject: x\r\n\r\na\nb\r\n.\r\n")
        self.assertTrue(reply.startswith("5"), reply)

    def test_smtp_sink_faults(self):
        receiver = self.open(peers.SmtpSink(options=["-r", "RCPT"]))
        client = self.open(Client("127.0.0.1", receiver.port))
        self.assertTrue(client.start_mail("a@b.test")[0].startswith("4"))

    def test_dkim_of_opendkim_and_dkimpy_verify(self):
        signer = self.open(peers.Opendkim("sender.test"))
        with open(signer.key_path, "rb") as key:
            signed = peers.sign(MESSAGE, "s1", "sender.test", key.read())
        check = peers.Dkim({"s1._domainkey.sender.test": signer.record})
        self.assertTrue(check.verify_all(signed))
        self.assertFalse(check.verify_all(signed.replace(b"line", b"lime")))
        self.assertFalse(check.verify_all(MESSAGE))
        self.assertFalse(peers.Dkim({}).verify_all(signed))
        done = subprocess.run(
            ["opendkim-testmsg", "-C", "-d", "sender.test", "-s", "s1", "-k", signer.key_path],
            input=MESSAGE, capture_output=True, timeout=30, check=True,
        )  # fmt: skip
        self.assertTrue(check.verify_all(done.stdout), done.stdout)


class NothingSurvives(PeerTest):
    PROGRAM = """
import sys, os, signal
sys.path.insert(0, sys.argv[1])
import peers
sink = peers.Sink()
dns = peers.Nsd({"example.test": ""})
print(sink.process.pid, dns.process.pid, sink.directory.path, dns.directory.path, flush=True)
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "interrupt":
    os.kill(os.getpid(), signal.SIGINT)
raise RuntimeError("on purpose")
"""

    def test_after_an_exception_an_interrupt_and_a_kill(self):
        for way in ("raise", "interrupt", "kill"):
            with self.subTest(way=way):
                done = subprocess.run(
                    [sys.executable, "-c", self.PROGRAM, os.path.dirname(peers.__file__), way],
                    capture_output=True, text=True, timeout=60, check=False,
                )  # fmt: skip
                self.assertNotEqual(done.returncode, 0)
                *pids, first, second = done.stdout.split()
                self.assertEqual(len(pids), 2, done.stderr)
                for pid in pids:
                    peers.wait_until(lambda p=pid: not self.is_alive(int(p)), 10, f"{pid} to end")
                for path in (first, second):
                    peers.wait_until(lambda p=path: not os.path.exists(p), 10, f"{path} to go")

    @staticmethod
    def is_alive(group):
        return bool(peers.group_members(group))


class BenchmarksRun(PeerTest):
    """Tiny runs, so that the programs never rot; the figures mean nothing here."""

    def run_program(self, name, *arguments):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/load", name)
        done = subprocess.run(
            [sys.executable, path, *arguments],
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_floor(self):
        figures = self.run_program("floor.py", "--seconds", "0.2", "--messages", "200")
        self.assertAlmostEqual(
            figures["floor_us"], figures["sign_us"] + figures["smtp_source_us"], delta=0.1
        )
        self.assertGreater(figures["sign_us"], 10)
        self.assertGreater(figures["smtp_source_us"], 1)

    def test_postfix_with_opendkim_signs_and_delivers(self):
        figures = self.run_program("postfix_opendkim.py", "--messages", "60")
        self.assertTrue(figures["signed"])
        self.assertGreater(figures["messages_per_s"], 0)
        self.assertGreater(figures["cpu_us_per_message"], 100)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unittest.main()
