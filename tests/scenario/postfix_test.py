#!/usr/bin/env python3
"""A full Postfix at the other end, over TLS; and customers whose data tries to break the message."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from dkim_check import Dkim  # noqa: E402
from hikyaku import campaign_of  # noqa: E402
from postfix_peers import PostfixReceiver  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

LONG = "あい<b>&'\"{{ name }} x" * 5000
HOSTILE = {
    "dot": "a\r\n.\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<victim@one.test>\r\nDATA\r\nx\r\n.\r\n",
    "bare-lf-dot": "a\n.\nMAIL FROM:<evil@evil.test>\nRCPT TO:<victim@one.test>\nDATA\nx\n.\n",
    "mixed-dot": "a\r\n.\nb\n.\r\nc\r.\rd\r\r\n.\r\r\n",
    "cr": "a\rb\rc",
    "nul": "a\u0000b",
    "header": "x\r\nBcc: victim@one.test\r\nSubject: forged\r\n\r\nforged body",
    "line-separator": "x\u2028Bcc: victim@one.test\u2029\u0085\u000b\u000cy",
    "template": "{{ email }}{% for i in (1..1000000) %}x{% endfor %}{{",
    "boundary": "--\r\nContent-Type: text/html\r\n\r\n--=\r\n--",
    "encoded-word": "=?utf-8?q?=0D=0ABcc:_victim=40one.test?=",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "dots": "\r\n..\r\n...\r\n.x\r\n.",
    "long": LONG,
    "surrogate-pair": "𠮷野家🍜" * 50,
}


class WithPostfix(ScenarioTest):
    def setUp(self):
        self.postfix = PostfixReceiver(["one.test"], tls=True)
        self.addCleanup(self.postfix.close)
        self.d = self.daemon(
            {"delivery": {"routes": {"*": f"{self.postfix.address}:{self.postfix.port}"}},
             "alignment": {"enforce": False}}  # no name server knows shop.test
        )
        self.tenant = self.d.create_tenant()
        self.domain = self.tenant.add_domain("shop.test")
        self.tenant.add_field("note")

    def test_ordinary_mail_is_stored_over_tls(self):
        for number in range(20):
            self.tenant.add_contact(email=f"user{number}@one.test", name=f"名前{number}")
        self.tenant.add_contact(email='"a..b."@one.test', name="carrier")
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=21, delivered=21)
        stored = self.postfix.await_messages(21)
        self.assertEqual(len(stored), 21)
        self.assertEqual(len({message.recipient for message in stored}), 21)
        self.assertTrue(all(line["tls"]["version"].startswith("TLS")
                            for line in self.d.delivery_log()))  # fmt: skip

    def test_hostile_data_is_one_message_for_one_recipient(self):
        sent = {}
        for name, text in HOSTILE.items():
            fields = {"email": f"{name}@one.test", "name": text[:250], "note": text}
            answer = self.tenant.ask("POST", "/v1/contacts", {"fields": fields})
            if answer.status == 422:  # what may not be stored is refused by name
                self.assertTrue(answer.errors(), answer)
                for field in ("name", "note"):
                    if f"/fields/{field}" in answer.errors():
                        del fields[field]
                answer = self.tenant.ask("POST", "/v1/contacts", {"fields": fields})
            self.assertEqual(answer.status, 201, answer)
            sent[fields["email"]] = fields
        campaign = campaign_of(
            "shop.test", subject="{{ name }} / {{ name }}", headers={"X-Note": "{{ name }}"},
            text="Dear {{ name }}\n{{ note }}\nend\n", html="<p title='{{ note }}'>{{ note }}</p>",
        )  # fmt: skip
        report = self.tenant.wait_finished(self.tenant.submit(campaign))
        self.assertEqual(report["recipients"], len(sent))
        self.assertEqual(report["delivered"] + report["failed"], len(sent), report)
        stored = self.postfix.await_messages(report["delivered"])
        self.assertEqual(sorted(message.recipient for message in stored),
                         sorted(set(sent) - self.failed(report)))  # fmt: skip
        self.assertNotIn("victim@one.test", [message.recipient for message in stored])
        self.assertEqual(self.postfix.log().count("victim"), 0)
        verifier = Dkim({r["name"]: r["value"] for r in self.domain["records"]
                         if r["purpose"] == "dkim"})  # fmt: skip
        for message in stored:
            with self.subTest(recipient=message.recipient):
                self.check_message(message, sent[message.recipient], verifier)

    def failed(self, report):
        lines = self.d.delivery_log(event="failed")
        self.assertEqual(len(lines), report["failed"])
        return {line["recipient"] for line in lines}

    def check_message(self, message, fields, verifier):
        parsed = message.parsed
        for header in ("Subject", "From", "To", "Date", "Message-ID", "X-Note"):
            self.assertLessEqual(len(parsed.get_all(header, [])), 1, header)
        self.assertIsNone(parsed["Bcc"])
        self.assertEqual(parsed["From"].addresses[0].addr_spec, "news@shop.test")
        parts = list(parsed.iter_parts())
        self.assertEqual([part.get_content_type() for part in parts], ["text/plain", "text/html"])
        text = parts[0].get_content().replace("\r\n", "\n")
        self.assertTrue(text.startswith("Dear "), text[:80])
        self.assertTrue(text.rstrip().endswith("end"), text[-80:])
        if fields.get("note") == LONG:
            self.assertIn(LONG, text)
        self.assertNotIn("<script", parts[1].get_content())
        self.assertTrue(verifier.verify_all(message.raw), message.raw[:3000])


if __name__ == "__main__":
    main()
