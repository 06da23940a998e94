#!/usr/bin/env python3
"""What receivers say about addresses: error counters, suppressions, the list of dead addresses, and
campaigns that pause themselves."""

import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import HOSTNAME, campaign_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

PATIENCE_S = 20

#: A failure report (RFC 3464) about {who}.
FAILURE = """\
From: MAILER-DAEMON@mx.one.test
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

Your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.one.test

Final-Recipient: rfc822; {who}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {reply}

--b1
Content-Type: text/rfc822-headers

From: news@shop.test
Subject: News

--b1--
"""
#: A feedback report (RFC 5965).
COMPLAINT = """\
From: feedback@one.test
To: fbl@{host}
Subject: FW: News
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

This is an email abuse report.

--b2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1

--b2
Content-Type: message/rfc822

Return-Path: <{return_path}>
From: news@shop.test
To: redacted@one.test
Subject: News

Hello

--b2--
"""


class InSession(ScenarioTest):
    def setUp(self):
        self.w = self.world()
        self.daemon_ = self.w.daemon
        self.tenant = self.new_tenant("Shop", "shop.test")

    def new_tenant(self, name, domain):
        tenant = self.daemon_.create_tenant(name)
        tenant.add_domain(domain)
        return tenant

    def contacts(self, tenant, *names):
        return {name: tenant.add_contact(email=f"{name}@one.test") for name in names}

    def send(self, tenant, domain="shop.test", **changes):
        """A broadcast to everybody, to its end."""
        return tenant.wait_finished(tenant.submit(campaign_of(domain, **changes)))

    def mail_of(self, tenant, contact, condition):
        """The contact's mail state once `condition` holds of it."""
        def holds():
            mail = tenant.get(f"/v1/contacts/{contact}")["mail"]
            return mail if condition(mail) else None

        return wait_until(holds, PATIENCE_S, "the effects on the contact", 0.05)

    def test_counters_and_suppression(self):
        for sink in self.w.sinks.values():
            sink.command(r"fault rcpt:550:spam-*@one.test:5.7.1 Message rejected as spam")
        ids = self.contacts(self.tenant, "fine-1", "bounce-1", "full-1", "spam-1")
        self.assert_report(self.send(self.tenant), recipients=4, delivered=1, bounced=3)
        bad = self.mail_of(self.tenant, ids["bounce-1"], lambda m: m["suppressed"])
        self.assertEqual((bad["errors"], bad["last_error"]["class"]), (99, "bad_mailbox"))
        self.assertEqual(bad["suppressed"], {"reason": "bounce", "expires_at": None})
        full = self.mail_of(self.tenant, ids["full-1"], lambda m: m["errors"] == 1)
        self.assertEqual((full["last_error"]["class"], full["suppressed"]), ("quota", None))
        # What the message looks like is the sender's matter.
        self.assertEqual(
            self.tenant.get(f"/v1/contacts/{ids['spam-1']}")["mail"],
            {"errors": 0, "last_error": None, "suppressed": None},
        )
        (entry,) = self.tenant.get("/v1/suppressions?reason=bounce")["data"]
        self.assertEqual((entry["address"], entry["class"]), ("bounce-1@one.test", "bad_mailbox"))
        self.assertIn("5.1.1", entry["source"])
        self.assertEqual(self.tenant.get("/v1/suppressions?reason=complaint")["data"], [])

        self.tenant.need(200, "PATCH", "/v1/settings", {"bounce_threshold": 2})
        report = self.send(self.tenant)
        self.assert_report(report, recipients=4, delivered=1, bounced=2, suppressed=1)
        full = self.mail_of(self.tenant, ids["full-1"], lambda m: m["suppressed"])
        self.assertIsNotNone(full["suppressed"]["expires_at"])
        self.assert_report(self.send(self.tenant), recipients=4, delivered=1, bounced=1, suppressed=2)
        # Another address is another story.
        self.tenant.need(200, "PATCH", f"/v1/contacts/{ids['bounce-1']}",
                         {"fields": {"email": "fine-2@one.test"}})  # fmt: skip
        self.assertEqual(self.tenant.get(f"/v1/contacts/{ids['bounce-1']}")["mail"]["errors"], 0)
        self.assert_report(self.send(self.tenant), recipients=4, delivered=2, bounced=1, suppressed=1)

    def test_a_delivery_sets_the_counter_back(self):
        for sink in self.w.sinks.values():
            sink.command(r"fault rcpt:552:anna@one.test:5.2.2 Mailbox full")
        ids = self.contacts(self.tenant, "anna")
        self.send(self.tenant)
        self.mail_of(self.tenant, ids["anna"], lambda m: m["errors"] == 1)
        for sink in self.w.sinks.values():
            sink.command("clear")
        self.send(self.tenant)
        self.mail_of(self.tenant, ids["anna"], lambda m: m["errors"] == 0)

    def test_dead_addresses_of_the_installation(self):
        ids = self.contacts(self.tenant, "bounce-1")
        self.send(self.tenant)
        self.mail_of(self.tenant, ids["bounce-1"], lambda m: m["suppressed"])
        listed = self.daemon_.platform("GET", "/platform/v1/dead-addresses").json
        self.assertEqual((listed["size"], listed["enabled"]), (1, True))
        path = "/platform/v1/dead-addresses/bounce-1@one.test"
        found = self.daemon_.platform("GET", path).json
        self.assertEqual((found["class"], found["tenants"]), ("bad_mailbox", [self.tenant.id]))

        other = self.new_tenant("Other", "other.test")
        theirs = self.contacts(other, "bounce-1", "fine-1")
        campaign = other.submit(campaign_of("other.test"))
        report = other.wait_finished(campaign)
        self.assert_report(report, recipients=2, delivered=1, suppressed=1)
        (line,) = wait_until(
            lambda: self.daemon_.delivery_log(event="suppressed", campaign=campaign),
            PATIENCE_S, "the line of the log",
        )  # fmt: skip
        self.assertEqual((line["class"], line["recipient"]), ("dead_address", "bounce-1@one.test"))
        # Nothing of the other tenant shows.
        self.assertEqual(other.get(f"/v1/contacts/{theirs['bounce-1']}")["mail"],
                         {"errors": 0, "last_error": None, "suppressed": None})  # fmt: skip
        self.assertEqual(other.get("/v1/suppressions")["data"], [])

        other.need(200, "PATCH", "/v1/settings", {"use_dead_addresses": False})
        self.assert_report(self.send(other, "other.test"), recipients=2, delivered=1, bounced=1)
        self.assertEqual(self.daemon_.platform("DELETE", path).status, 204)
        self.assertEqual(self.daemon_.platform("GET", path).status, 404)

    def test_settings(self):
        settings = self.tenant.get("/v1/settings")
        self.assertEqual(settings["bounce_threshold"], 5)
        self.assertEqual(settings["soft_bounce_expires_after"], "90d")
        self.assertIsNone(settings["hard_bounce_expires_after"])
        self.assertEqual(settings["breaker"], {
            "enabled": True, "bounce_percent": 10, "bounce_after": 200,
            "complaint_percent": 0.3, "complaint_after": 500,
        })  # fmt: skip
        changed = self.tenant.need(200, "PATCH", "/v1/settings", {
            "hard_bounce_expires_after": "180d", "soft_bounce_expires_after": None,
            "breaker": {"complaint_percent": 0.25},
        }).json  # fmt: skip
        self.assertEqual(changed["hard_bounce_expires_after"], "180d")
        self.assertIsNone(changed["soft_bounce_expires_after"])
        self.assertEqual(changed["breaker"]["complaint_percent"], 0.25)
        self.assertEqual(changed["breaker"]["bounce_percent"], 10)
        self.daemon_.restart()
        self.assertEqual(self.tenant.get("/v1/settings"), changed)
        for wrong in ({"bounce_threshold": 0}, {"breaker": {"bounce_percent": 101}},
                      {"breaker": {"bounce_percent": 0.001}}, {"soft_bounce_expires_after": "soon"},
                      {"unknown": 1}):  # fmt: skip
            self.assertEqual(self.tenant.ask("PATCH", "/v1/settings", wrong).status, 422, wrong)


class ByMail(ScenarioTest):
    def setUp(self):
        self.w = self.world()
        self.daemon_ = self.w.daemon
        self.tenant = self.daemon_.create_tenant()
        self.tenant.add_domain("shop.test")
        self.ids = {n: self.tenant.add_contact(email=f"fine-{n}@one.test") for n in range(4)}
        self.campaign = self.tenant.submit(campaign_of("shop.test"))
        self.assert_report(self.tenant.wait_finished(self.campaign), recipients=4, delivered=4)
        self.return_paths = {r.recipient: r.sender for r in self.w.records()}

    def give(self, to, message):
        with smtplib.SMTP(*self.daemon_.smtp_address, timeout=30) as peer:
            peer.sendmail("", [to], message.replace("\n", "\r\n").encode())

    def bounce(self, number, who=None, status="5.1.1", reply="550 5.1.1 User unknown"):
        to = self.return_paths[f"fine-{number}@one.test"]
        self.give(to, FAILURE.format(to=to, who=who or f"fine-{number}@one.test", status=status,
                                     reply=reply))  # fmt: skip

    def mail_of(self, number):
        return self.tenant.get(f"/v1/contacts/{self.ids[number]}")["mail"]

    def events_of(self, number):
        deliveries = self.tenant.get(f"/v1/contacts/{self.ids[number]}/deliveries")["data"]
        return [d["event"] for d in deliveries]

    def test_bounces_complaints_and_wishes(self):
        # In force as soon as the peer has its answer.
        self.bounce(0)
        self.assertEqual(self.mail_of(0)["suppressed"], {"reason": "bounce", "expires_at": None})
        self.assertEqual(self.mail_of(0)["last_error"]["class"], "bad_mailbox")
        self.assertEqual(self.events_of(0), ["oob_bounce", "delivered"])
        self.bounce(0)
        self.assertEqual(self.events_of(0), ["oob_bounce", "delivered"])
        # The token says who it is about, not the text.
        self.bounce(1, who="fine-2@one.test", status="5.2.2", reply="552 5.2.2 Mailbox full")
        self.assertEqual((self.mail_of(1)["errors"], self.mail_of(2)["errors"]), (1, 0))
        # A complaint is found by the token inside.
        self.give(f"fbl@{HOSTNAME}", COMPLAINT.format(
            host=HOSTNAME, return_path=self.return_paths["fine-3@one.test"]))  # fmt: skip
        self.assertEqual(self.mail_of(3)["suppressed"]["reason"], "complaint")
        self.assertEqual(self.events_of(3), ["complaint", "delivered"])

        report = self.tenant.report(self.campaign)
        self.assert_report(report, recipients=4, delivered=4)
        self.assertEqual((report["oob_bounced"], report["complaints"]), (2, 1))
        lines = wait_until(
            lambda: len(found := [line for line in self.daemon_.delivery_log()
                                  if line["event"] in ("oob_bounce", "complaint")]) == 3 and found,
            PATIENCE_S, "the lines of the log",
        )  # fmt: skip
        self.assertEqual({line["recipient"] for line in lines},
                         {f"fine-{n}@one.test" for n in (0, 1, 3)})  # fmt: skip
        text = self.daemon_.platform("GET", "/metrics").body.decode()
        self.assertTrue('hikyaku_feedback_total{kind="bounce",class="bad_mailbox"} 2' in text)

        self.daemon_.kill9()
        self.daemon_.start()
        self.assertEqual(self.mail_of(0)["errors"], 99)
        self.bounce(1, status="5.2.2", reply="552 5.2.2 Mailbox full")
        self.assertEqual(self.mail_of(1)["errors"], 1, "told again")
        again = self.tenant.wait_finished(self.tenant.submit(campaign_of("shop.test")))
        self.assert_report(again, recipients=4, delivered=2, suppressed=2)

    def test_forged_names_change_nothing(self):
        local, _, domain = self.return_paths["fine-0@one.test"].partition("@")
        wrong = "a" if local[20] != "a" else "b"
        forged = f"{local[:20]}{wrong}{local[21:]}@{domain}"
        for to in (forged, "postmaster@victim.test", f"somebody@{domain}"):
            with self.assertRaises(smtplib.SMTPRecipientsRefused, msg=to):
                self.give(to, FAILURE.format(to=to, who="fine-0@one.test", status="5.1.1",
                                             reply="550 5.1.1 User unknown"))  # fmt: skip
        with self.assertRaises(smtplib.SMTPDataError):
            self.give(f"fbl@{HOSTNAME}", COMPLAINT.format(host=HOSTNAME, return_path=forged))
        self.assertEqual(self.events_of(0), ["delivered"])
        self.assertEqual(self.mail_of(0), {"errors": 0, "last_error": None, "suppressed": None})


class Breaker(ScenarioTest):
    RECIPIENTS = 400

    def test_a_campaign_pauses_itself_and_goes_on(self):
        w = self.world(shaping={"default": {"message_rate": "60/s", "connections_max": 4}})
        tenant = w.daemon.create_tenant()
        tenant.add_domain("shop.test")
        # Every fourth address is wrong.
        names = [f"{'bounce' if n % 4 == 0 else 'fine'}-{n}@one.test"
                 for n in range(self.RECIPIENTS)]  # fmt: skip
        campaign = tenant.submit(campaign_of(
            "shop.test", audience=recipients_of(names),
            breaker={"bounce_percent": 20, "bounce_after": 40},
        ))  # fmt: skip
        report = tenant.wait_report(campaign, lambda r: r["state"] == "paused", PATIENCE_S)
        self.assertGreater(report["pending"], 0)
        self.assertGreaterEqual(report["bounced"] + report["delivered"], 40)
        shown = tenant.get(f"/v1/campaigns/{campaign}")
        self.assertEqual(shown["paused_reason"], "bounce_rate")
        self.assertIn("limit 20.00 % from 40 on", shown["paused_detail"])
        self.assertEqual(shown["breaker"], {"bounce_percent": 20, "bounce_after": 40})
        (entry,) = tenant.get("/v1/operation-logs?operation=campaign.pause")["data"]
        self.assertEqual(entry["user"], "system")
        self.assertIn("campaign_paused_itself", w.daemon.log())

        # Paused it stays, also over a restart; a person lets it go on, and it counts anew.
        w.daemon.restart()
        self.assertEqual(tenant.get(f"/v1/campaigns/{campaign}")["paused_reason"], "bounce_rate")
        resumed = tenant.act(campaign, "resume")
        self.assertIsNone(resumed["paused_reason"])
        again = tenant.wait_report(campaign, lambda r: r["state"] == "paused", PATIENCE_S)
        self.assertGreaterEqual(again["delivered"] + again["bounced"],
                                report["delivered"] + report["bounced"] + 40)  # fmt: skip
        self.assertEqual(len(tenant.get("/v1/operation-logs?operation=campaign.pause")["data"]), 2)

    def test_it_can_be_switched_off(self):
        w = self.world()
        tenant = w.daemon.create_tenant()
        tenant.add_domain("shop.test")
        tenant.need(200, "PATCH", "/v1/settings", {"breaker": {"enabled": False}})
        names = [f"bounce-{n}@one.test" for n in range(self.RECIPIENTS)]
        report = tenant.wait_finished(
            tenant.submit(campaign_of("shop.test", audience=recipients_of(names)))
        )
        self.assert_report(report, recipients=self.RECIPIENTS, bounced=self.RECIPIENTS)


if __name__ == "__main__":
    main()
