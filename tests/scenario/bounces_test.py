#!/usr/bin/env python3
"""Bounces as Postfix, Exim and OpenSMTPD write them, live: each takes our mail, fails to hand it on
(no such user, mailbox full, put off until it expires), and reports to our return path."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of  # noqa: E402
from mta_peers import EximServer, OpensmtpdServer, ScriptedMx  # noqa: E402
from postfix_peers import PostfixInstance  # noqa: E402
from processes import free_port, wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

ANSWERS = {
    "gone": "550 5.1.1 <gone>: Recipient address rejected: User unknown",
    "full": "552 5.2.2 <full>: Mailbox full, quota exceeded",
    "later": "450 4.2.0 <later>: Recipient address rejected: try again later",
    "spam": "554 5.7.1 Service unavailable; client host blocked using bl.example",
}
#: What the return of each says: class, and whether the contact is suppressed for it.
EXPECTED = {
    "gone": ({"bad_mailbox"}, True),
    "full": ({"quota"}, False),
    # Exim says that it gave up; Postfix only repeats the last reply.
    "later": ({"expired", "system"}, False),
    "spam": ({"spam_block", "policy"}, False),
}
DEADLINE_S = 60


class Bounces(ScenarioTest):
    def start(self, domain):
        """The daemon, its routes to the server that is yet to start, and the mailboxes behind."""
        self.behind = ScriptedMx(ANSWERS)
        self.addCleanup(self.behind.close)
        self.port = free_port()
        self.d = self.daemon({
            "alignment": {"enforce": False},
            "delivery": {"routes": {domain: f"127.0.0.1:{self.port}"}},
        })  # fmt: skip
        self.domain = domain
        self.tenant = self.d.create_tenant()
        self.tenant.add_domain("shop.test")
        self.contacts = {
            f"{name}@{domain}": self.tenant.add_contact(email=f"{name}@{domain}", name=name)
            for name in ("ok", *ANSWERS)
        }

    def returned(self):
        """{recipient: [class of each return]}"""
        out = {}
        for line in self.d.delivery_log(event="oob_bounce"):
            out.setdefault(line["recipient"], []).append(line["class"])
        return out

    def is_suppressed(self, address):
        found = self.tenant.get("/v1/suppressions?limit=100")["data"]
        return any(s["address"] == address for s in found)

    def check(self, flush=lambda: None, expected=EXPECTED):
        report = self.tenant.wait_finished(self.tenant.submit(campaign_of("shop.test")))
        self.assertEqual(report["delivered"], len(self.contacts))

        def all_back():
            flush()
            return set(self.returned()) >= {f"{name}@{self.domain}" for name in expected}

        wait_until(all_back, DEADLINE_S, "the bounces")
        for name, (classes, suppressed) in expected.items():
            address = f"{name}@{self.domain}"
            with self.subTest(address=address):
                got = self.returned().get(address, [])
                self.assertEqual(len(got), 1, got)
                self.assertIn(got[0], classes)
                self.assertEqual(self.is_suppressed(address), suppressed)
        self.assertNotIn(f"ok@{self.domain}", self.returned())
        self.assertFalse(self.is_suppressed(f"ok@{self.domain}"))
        self.assertEqual([m[1] for m in self.behind.messages], [[f"ok@{self.domain}"]])

    def test_postfix(self):
        self.start("postfix.test")
        postfix = PostfixInstance(
            {
                "relay_domains": "postfix.test",
                "relay_recipient_maps": "",
                "transport_maps": "inline:{ postfix.test=smtp:[%s]:%d }"
                                  % (self.behind.address, self.behind.port),
                "relayhost": "[%s]:%d" % self.d.smtp_address,
                "delay_warning_time": "1s",
                "queue_run_delay": "1s",
                "minimal_backoff_time": "1s",
                "maximal_backoff_time": "1s",
                "maximal_queue_lifetime": "4s",
            },
            port=self.port,
        )  # fmt: skip
        self.addCleanup(postfix.close)
        self.check()

    def test_exim(self):
        if not EximServer.is_available():
            self.skipTest("no Exim: cmake/fetch_peers.sh could not fetch it")
        self.start("exim.test")
        exim = EximServer(["exim.test"], (self.behind.address, self.behind.port),
                          self.d.smtp_address, port=self.port)  # fmt: skip
        self.addCleanup(exim.close)
        self.check()

    def test_opensmtpd(self):
        if not OpensmtpdServer.is_available():
            self.skipTest("no OpenSMTPD: cmake/fetch_peers.sh could not fetch it")
        self.start("opensmtpd.test")
        opensmtpd = OpensmtpdServer(["opensmtpd.test"], (self.behind.address, self.behind.port),
                                    self.d.smtp_address, port=self.port)  # fmt: skip
        self.addCleanup(opensmtpd.close)
        # Its report of a message that expired says "delayed" (4.4.7) in the fields, and in words
        # that it is over.
        self.check(opensmtpd.flush)


if __name__ == "__main__":
    main()
