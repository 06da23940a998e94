#!/usr/bin/env python3
"""SMTP smuggling (CVE-2023-51764, -51765, -51766): every sequence that some server takes, or took,
for the end of a message, with a second envelope behind it; against our own smtpd, and out of our
sender, by campaign content and customer data, to Postfix, Exim, OpenSMTPD and aiosmtpd."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from mta_peers import AiosmtpdReceiver, EximServer, OpensmtpdServer, ScriptedMx  # noqa: E402
from postfix_peers import PostfixReceiver  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402
from smtp_peers import Sink  # noqa: E402

#: name: the bytes between the body and the second envelope.
ENDS = {
    "lf.lf": "\n.\n", "lf.crlf": "\n.\r\n", "crlf.lf": "\r\n.\n", "cr.cr": "\r.\r",
    "crlf.cr": "\r\n.\r", "cr.crlf": "\r.\r\n", "lf.cr": "\n.\r", "cr.lf": "\r.\n",
    "crcrlf.crcrlf": "\r\r\n.\r\r\n", "crlf.crcrlf": "\r\n.\r\r\n", "crcrlf.crlf": "\r\r\n.\r\n",
    "crlf.crlf": "\r\n.\r\n", "nul-crlf.lf": "\0\r\n.\n", "crnullf": "\r\0\n.\r\0\n",
    "crlf-nul.crlf": "\r\n\0.\r\n\n", "lfcrlf.crlf": "\n\r\n.\r\n", "crlf.crnullf": "\r\n.\r\0\n",
    "crlf.nul-crlf": "\r\n.\0\r\n", "nel": "\u0085.\u0085", "line-separator": "\u2028.\u2028",
    "vt": "\x0b.\x0b", "ff": "\x0c.\x0c", "lflf": "\n\n.\n\n", "dot-space": "\r\n. \r\n",
}  # fmt: skip
#: Sequences that end a line by a bare CR or LF before anything else could be wrong.
BARE = [name for name, end in ENDS.items()
        if name != "crlf.nul-crlf" and re.search(r"\r(?!\n)|(?<!\r)\n", end)]  # fmt: skip
DOMAINS = ("raw.test", "postfix.test", "exim.test", "opensmtpd.test", "aiosmtpd.test")


def second_envelope(newline, victim="victim@raw.test"):
    return newline.join(
        ["MAIL FROM:<evil@evil.test>", f"RCPT TO:<{victim}>", "DATA", "Subject: smuggled", "",
         "smuggled", ".", "QUIT", ""]
    )  # fmt: skip


class TowardsUs(ScenarioTest):
    def setUp(self):
        self.sink = Sink(samples=1)
        self.addCleanup(self.sink.close)
        self.d = self.daemon({"alignment": {"enforce": False},
                              "delivery": {"routes": {"*": f"127.0.0.1:{self.sink.port}"}}})
        tenant = self.d.create_tenant()
        tenant.add_domain("shop.test")
        campaign = campaign_of("shop.test", audience=recipients_of(["user@one.test"]))
        tenant.wait_finished(tenant.submit(campaign))
        self.ours = self.sink.samples()[0].envelope["mail_from"]

    def taken(self):
        text = self.d.platform("GET", "/metrics", key=self.d.token).body.decode()
        return int(re.search(r"^hikyaku_smtpd_messages_total (\d+)", text, re.M).group(1))

    def converse(self, body):
        """What the server says from DATA's body on, until it closes or has said bye."""
        with socket.create_connection(self.d.smtp_address, timeout=20) as connection:
            reader = connection.makefile("rb")
            reader.readline()
            commands = f"EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<{self.ours}>\r\nDATA\r\n"
            connection.sendall(commands.encode())
            while not reader.readline().startswith(b"354"):
                pass
            connection.sendall(body)
            replies = []
            while line := reader.readline():
                replies.append(line[:3].decode())
            return replies

    def test_no_sequence_ends_a_message_but_one(self):
        expected = 0
        for name, end in ENDS.items():
            for newline in ("\r\n", "\n"):
                with self.subTest(end=name, newline=newline):
                    body = ("Subject: x\r\n\r\nbody" + end
                            + second_envelope(newline, self.ours)).encode()  # fmt: skip
                    replies = self.converse(body)
                    if name in BARE:
                        self.assertEqual(replies, ["554"])
                    elif name == "crlf.crlf" and newline == "\r\n":
                        # The real end, and then an honest second transaction.
                        self.assertEqual(replies, ["250", "250", "250", "354", "250", "221"])
                        expected += 2
                    elif name == "crlf.crlf":
                        self.assertEqual(replies, ["250", "500"])  # a command that ends in LF
                        expected += 1
                    elif newline == "\n":
                        self.assertEqual(replies, ["554"])  # the bare LF behind it
                    elif name == "crlf.nul-crlf":
                        self.assertEqual(replies, ["554", "221"])  # one message, with a NUL
                    else:
                        self.assertEqual(replies, ["250", "221"])  # one message, all of it
                        expected += 1
                    self.assertEqual(self.taken(), expected)


class OutOfOurSender(ScenarioTest):
    def setUp(self):
        self.sink = Sink(samples=1, strict=True)
        self.addCleanup(self.sink.close)
        self.routes = {"raw.test": f"127.0.0.1:{self.sink.port}"}
        self.delivered = {"raw.test": lambda: [r.recipient for r in self.sink.records()]}
        self.relays = []
        postfix = PostfixReceiver(["postfix.test"])
        self.addCleanup(postfix.close)
        self.add("postfix.test", postfix, lambda: [m.recipient for m in postfix.messages()])
        if AiosmtpdReceiver.is_available():
            aio = AiosmtpdReceiver()
            self.addCleanup(aio.close)
            self.add("aiosmtpd.test", aio, lambda: sum(aio.recipients(), []))
        for domain, server in (("exim.test", EximServer), ("opensmtpd.test", OpensmtpdServer)):
            if server.is_available():
                self.add_relay(domain, server)
        self.d = self.daemon({"alignment": {"enforce": False}, "delivery": {"routes": self.routes}})
        self.tenant = self.d.create_tenant()
        self.tenant.add_domain("shop.test")
        self.tenant.add_field("note")

    def add(self, domain, peer, recipients):
        self.routes[domain] = f"{peer.address}:{peer.port}"
        self.delivered[domain] = recipients

    def add_relay(self, domain, server):
        """A server that hands on what it took: what it took for a message is seen there."""
        behind = ScriptedMx()
        self.addCleanup(behind.close)
        peer = server([domain, "raw.test"], (behind.address, behind.port))
        self.addCleanup(peer.close)
        self.add(domain, peer, lambda: sum((m[1] for m in behind.messages), []))

    def payloads(self):
        for name, end in ENDS.items():
            newline = "\n" if "crlf" not in name else "\r\n"
            yield name, "body" + end + second_envelope(newline)

    def check(self, sent):
        """Everybody got one message, nobody else got any, and the bytes were canonical."""
        for domain, recipients in self.delivered.items():
            expected = sorted(r for r in sent if r.endswith("@" + domain))
            wait_until(lambda: len(recipients()) >= len(expected), 60, f"the mail at {domain}")
            self.assertEqual(sorted(recipients()), expected, domain)
        self.assertEqual(self.sink.stats()["violation_kinds"], {})
        for sample in self.sink.samples():
            self.assertTrue(sample.wire.endswith(b"\r\n.\r\n"))
            self.assertEqual(sample.wire.count(b"\r\n.\r\n"), 1)
            self.assertIsNone(re.search(rb"\r(?!\n)|(?<!\r)\n", sample.wire))
            self.assertNotIn(b"\0", sample.wire)

    def test_campaign_content(self):
        sent = []
        for number, (_, payload) in enumerate(self.payloads()):
            addresses = [f"c{number}@{domain}" for domain in self.delivered]
            campaign = campaign_of("shop.test", audience=recipients_of(addresses),
                                   text=payload, html=f"<p>{payload}</p>")  # fmt: skip
            answer = self.tenant.ask("POST", "/v1/campaigns", campaign)
            if answer.status == 422:  # refused by name before anything is sent
                self.assertTrue(answer.errors(), answer)
                continue
            self.assertEqual(answer.status, 201, answer)
            self.tenant.act(answer.json["id"], "start")
            self.tenant.wait_finished(answer.json["id"])
            sent += addresses
        self.assertGreater(len(sent), 10 * len(self.delivered))
        self.check(sent)

    def test_customer_data(self):
        recipients = []
        for number, (_, payload) in enumerate(self.payloads()):
            for domain in self.delivered:
                recipients.append({"email": f"d{number}@{domain}", "name": payload[:200],
                                   "variables": {"note": payload}})  # fmt: skip
        # What may not be stored is refused, one by one; the rest is one campaign.
        taken = []
        for recipient in recipients[:: len(self.delivered)]:
            probe = campaign_of("shop.test", audience={"recipients": [recipient]})
            answer = self.tenant.ask("POST", "/v1/campaigns", probe)
            if answer.status == 422:
                recipient = dict(recipient)
                del recipient["name"]
                probe = campaign_of("shop.test", audience={"recipients": [recipient]})
                answer = self.tenant.ask("POST", "/v1/campaigns", probe)
            if answer.status == 201:
                local = recipient["email"].split("@")[0]
                taken += [recipient | {"email": f"{local}@{domain}"} for domain in self.delivered]
        self.assertGreater(len(taken), 10 * len(self.delivered))
        campaign = campaign_of(
            "shop.test", audience={"recipients": taken}, subject="{{ name }} {{ note }}",
            text="{{ name }}\n{{ note }}\nend", html="<p>{{ note }}</p>",
            headers={"X-Note": "{{ note }}"},
        )  # fmt: skip
        report = self.tenant.wait_finished(self.tenant.submit(campaign))
        failed = {line["recipient"] for line in self.d.delivery_log(event="failed")}
        self.assertEqual(report["delivered"] + report["failed"], len(taken), report)
        self.check([r["email"] for r in taken if r["email"] not in failed])


if __name__ == "__main__":
    main()
