#!/usr/bin/env python3
"""Inbound SMTP as other mail servers see it: swaks and a full Postfix over STARTTLS, and limits."""

import os
import re
import smtplib
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from postfix_peers import PostfixInstance, make_certificate  # noqa: E402
from processes import Directory, wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

REPORT = """From: MAILER-DAEMON@other.test
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: text/plain

The mail system could not deliver your message.
"""


class Smtpd(ScenarioTest):
    def setUp(self):
        self.files = Directory()
        self.addCleanup(self.files.close)
        self.certificate = make_certificate(self.files, ["mail.hikyaku.test"])
        self.w = self.world(
            settings={
                "smtp": {"tls_certificate": self.certificate.certificate,
                         "tls_key": self.certificate.key},
                "alignment": {"enforce": False},
            },
            sink={"samples": 1},
        )  # fmt: skip
        self.d = self.w.daemon
        self.tenant = self.d.create_tenant()
        self.tenant.add_domain("shop.test")

    def return_path(self):
        """The address that a bounce of a message of ours goes to."""
        campaign = campaign_of("shop.test", audience=recipients_of(["user@one.test"]))
        self.tenant.wait_finished(self.tenant.submit(campaign))
        return self.w.samples()[0].envelope["mail_from"]

    def count(self, name):
        """A metric, summed over its labels."""
        text = self.d.platform("GET", "/metrics", key=self.d.token).body.decode()
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        return sum(map(float, found))

    def connect(self):
        connection = socket.create_connection(self.d.smtp_address, timeout=20)
        self.addCleanup(connection.close)
        return connection

    def swaks(self, to, *options):
        return subprocess.run(
            ["swaks", "--server", "%s:%d" % self.d.smtp_address, "--from", "<>", "--to", to,
             "--helo", "swaks.test", "--data", REPORT.format(to=to), *options],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def test_swaks_delivers_to_our_return_path_and_nowhere_else(self):
        ours = self.return_path()
        for options in (["--tls"], [], ["--tls", "--tls-protocol", "tlsv1_2"], ["--pipeline"]):
            done = self.swaks(ours, *options)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.count("hikyaku_smtpd_messages_total"), 4)
        self.assertEqual(self.count("hikyaku_smtpd_sessions_tls_total"), 2)
        local, _, domain = ours.partition("@")
        forged = local[:-1] + ("a" if local[-1] != "a" else "b")
        for to in ("user@one.test", "user@else.test", f"nobody@{domain}", f"{forged}@{domain}",
                   "user%one.test@" + domain):  # fmt: skip
            done = self.swaks(to)
            self.assertEqual(done.returncode, 24, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"550 5\.[17]\.1")
        self.assertEqual(self.swaks("postmaster@" + domain, "--quit-after", "RCPT").returncode, 0)
        self.assertEqual(self.count("hikyaku_smtpd_messages_total"), 4)
        old = self.swaks(ours, "--tls", "--tls-protocol", "tlsv1_1")
        self.assertNotEqual(old.returncode, 0)

    def test_postfix_hands_over_with_tls(self):
        ours = self.return_path()
        postfix = PostfixInstance({
            "relayhost": "[%s]:%d" % self.d.smtp_address,
            "smtp_tls_security_level": "encrypt",
            "smtp_tls_loglevel": "1",
            "smtputf8_enable": "yes",
        })  # fmt: skip
        self.addCleanup(postfix.close)
        for to in (ours, "user@else.test"):
            subprocess.run(
                ["sendmail", "-C", postfix.config_directory, "-f", "", to],
                input=REPORT.format(to=to).encode(), check=True, timeout=30,
                env={"PATH": "/usr/sbin:/usr/bin", "MAIL_CONFIG": postfix.config_directory},
            )  # fmt: skip
        wait_until(lambda: postfix.log().count("status=") >= 2, 30, "Postfix to be through")
        log = postfix.log()
        self.assertRegex(log, r"TLS connection established to .*TLSv1\.3")
        self.assertRegex(log, rf"to=<{re.escape(ours)}>.*status=sent \(250 2")
        self.assertRegex(log, r"to=<user@else.test>.*status=bounced .*550 5\.7\.1")
        self.assertEqual(self.count("hikyaku_smtpd_messages_total"), 1)

    def test_a_new_certificate_is_taken_at_a_reload(self):
        def serial():
            with smtplib.SMTP(*self.d.smtp_address, timeout=20) as client:
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                client.starttls(context=context)
                return client.sock.getpeercert(binary_form=True)

        before = serial()
        make_certificate(self.files, ["mail.hikyaku.test"])
        self.d.hup()
        wait_until(lambda: serial() != before, 20, "the new certificate")

    def test_sessions_of_one_address_are_limited(self):
        open_ones = [self.connect() for _ in range(50)]
        for connection in open_ones:
            self.assertTrue(connection.recv(100).startswith(b"220 "))
        one_more = self.connect()
        self.assertTrue(one_more.recv(100).startswith(b"421 4.7.0 "))
        self.assertEqual(one_more.recv(100), b"")
        self.assertEqual(self.count("hikyaku_smtpd_sessions"), 50)
        self.assertEqual(self.count("hikyaku_smtpd_sessions_refused_total"), 1)
        open_ones.pop().close()
        wait_until(lambda: self.count("hikyaku_smtpd_sessions") == 49, 20, "the session to end")
        self.assertTrue(self.connect().recv(100).startswith(b"220 "))

    def test_sessions_are_told_of_the_stop(self):
        idle = self.connect()
        self.assertTrue(idle.recv(100).startswith(b"220 "))
        self.d.stop()
        self.assertTrue(idle.recv(100).startswith(b"421 4.3.2 "))
        self.assertEqual(idle.recv(100), b"")

    def test_the_log_shows_no_address(self):
        ours = self.return_path()
        connection = self.connect()
        connection.recv(100)
        connection.sendall(f"EHLO a\r\nMAIL FROM:<secret@a.test>\r\nRCPT TO:<{ours}>\n".encode())
        while connection.recv(1000):
            pass
        wait_until(lambda: "smtpd_peer_cut_off" in self.d.log(), 20, "the log")
        self.assertIn("bare_newline", self.d.log())
        for secret in ("secret@", ours, "127.0.0.1/", "peer=127"):
            self.assertNotIn(secret, self.d.log())


if __name__ == "__main__":
    main()
