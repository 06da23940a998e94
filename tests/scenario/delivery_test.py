#!/usr/bin/env python3
"""The main road: tenant, domain, import, campaign over HTTP; what arrives is what was meant."""

import email
import email.policy
import itertools
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import people  # noqa: E402
from dkim_check import Dkim  # noqa: E402
from hikyaku import campaign_of, recipients_of  # noqa: E402
from processes import Process, wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

CUSTOMERS = 1000
DOMAINS = ["one.test", "two.test", "three.test"]
MX_SETS = {"one.test": 1, "two.test": 1, "three.test": 2}
TEXT = "{{ name }}様\n\nポイント: {{ points | number }}\n.\n..\nfrom {{ prefecture }}\n"
HTML = "<p>{{ name }}様</p><p>{{ points | number }}</p>"
LOG_KEYS_ALWAYS = {"seq", "ts", "event", "tenant", "campaign", "dup_possible", "recipient",
                   "domain", "attempt", "bytes", "queued_ms", "connect_ms", "session_ms"}  # fmt: skip
LOG_KEYS_DELIVERED = LOG_KEYS_ALWAYS | {"message_id", "site", "mx", "source", "code", "reply",
                                        "stage", "dkim"}  # fmt: skip


def wait_or_none(predicate, deadline_s):
    try:
        return wait_until(predicate, deadline_s)
    except TimeoutError:
        return None


def make_fields(tenant):
    tenant.add_field("prefecture", label="都道府県")
    tenant.add_field("points", "integer")
    tenant.add_field("joined", "date")


class Delivery(ScenarioTest):
    def setUp(self):
        self.w = self.world(MX_SETS, sink={"strict": True, "samples": 10})
        self.tenant = self.w.daemon.create_tenant()
        self.domain = self.tenant.add_domain("shop.test")
        make_fields(self.tenant)
        path = self.w.daemon.directory.file("customers.csv")
        people.write_csv(path, CUSTOMERS, DOMAINS)
        with open(path, "rb") as file:
            counts = self.tenant.import_csv(file.read())
        self.assertEqual((counts["created"], counts["rejected"]), (CUSTOMERS, 0))
        self.rows = {
            row[0]: dict(zip(people.HEADER, row))
            for row in (people.person(number, DOMAINS) for number in range(CUSTOMERS))
        }

    def test_everybody_gets_one_signed_personal_message(self):
        tenant, world = self.tenant, self.w
        campaign = campaign_of(
            "shop.test", text=TEXT, html=HTML, headers={"X-Campaign": "nov"},
            reply_to="help@shop.test",
            unsubscribe={"url": "https://shop.test/u", "mailto": "mailto:u@shop.test",
                         "one_click": True},
        )  # fmt: skip
        campaign_id = tenant.submit(campaign)
        report = tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=CUSTOMERS, delivered=CUSTOMERS, audience=CUSTOMERS)
        self.assert_each_once(world, self.rows)
        self.assert_no_violation(world)
        ids = [record.message_id for record in world.records()]
        self.assertEqual(len(set(ids)), CUSTOMERS)
        samples = world.samples()
        self.assertGreater(len(samples), CUSTOMERS // 20)
        self.check_signatures(samples)
        for sample in samples:
            self.check_content(sample)
        self.check_log(campaign_id, set(ids))
        self.check_tail(campaign_id)

    def check_signatures(self, samples):
        records = {r["name"]: r["value"] for r in self.domain["records"] if r["purpose"] == "dkim"}
        self.assertEqual(len(records), 2)
        self.assertEqual(sorted("ed25519" in value for value in records.values()), [False, True])
        verifier = Dkim(records)
        for sample in samples:
            self.assertEqual(verifier.count(sample.message), 2)
            for index in (0, 1):
                self.assertTrue(verifier.verify(sample.message, index), sample.message.decode())
        self.assertFalse(Dkim({}).verify(samples[0].message))
        changed = samples[0].message.replace(b"Subject:", b"Subject: x", 1)
        self.assertFalse(verifier.verify(changed))

    def check_content(self, sample):
        (recipient,) = sample.envelope["rcpt_to"]
        row = self.rows[recipient.strip("<>")]
        message = email.message_from_bytes(sample.message, policy=email.policy.default)
        points = f"{int(row['points']):,}"
        self.assertEqual(message["Subject"], row["name"] + "様へ")
        self.assertEqual(message["To"].addresses[0].addr_spec, row["email"])
        self.assertEqual(message["From"].addresses[0].display_name, "店 Shop")
        self.assertEqual(message["X-Campaign"], "nov")
        self.assertEqual(message["Reply-To"].addresses[0].addr_spec, "help@shop.test")
        self.assertIn("https://shop.test/u", message["List-Unsubscribe"])
        self.assertEqual(message["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")
        self.assertEqual(message.get_content_type(), "multipart/alternative")
        plain, html = message.iter_parts()
        self.assertEqual(
            plain.get_content().replace("\r\n", "\n"),
            f"{row['name']}様\n\nポイント: {points}\n.\n..\nfrom {row['prefecture']}\n",
        )
        escaped = (row["name"].replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;"))
        self.assertEqual(html.get_content().strip(), f"<p>{escaped}様</p><p>{points}</p>")
        self.assertTrue(all(len(line) <= 998 for line in sample.message.split(b"\r\n")))

    def check_log(self, campaign_id, message_ids):
        daemon = self.w.daemon
        lines = wait_until(
            lambda: (found := daemon.delivery_log(campaign=campaign_id))
            and len(found) >= CUSTOMERS and found, 10, "the lines of the log")  # fmt: skip
        self.assertEqual(len(lines), CUSTOMERS)
        self.assertEqual({line["recipient"] for line in lines}, set(self.rows))
        self.assertEqual({line["message_id"].strip("<>") for line in lines},
                         {message_id.strip("<>") for message_id in message_ids})  # fmt: skip
        allowed = LOG_KEYS_DELIVERED | {"enhanced", "class", "tls", "next_try"}
        for line in lines:
            self.assertEqual(line["event"], "delivered")
            self.assertEqual((line["code"], line["attempt"]), (250, 1))
            self.assertLessEqual(LOG_KEYS_ALWAYS, set(line), line)
            self.assertLessEqual(set(line), allowed, line)
            self.assertEqual({signature["d"] for signature in line["dkim"]}, {"shop.test"})
            self.assertEqual(len(line["dkim"]), 2)
        self.assertEqual(len({line["site"] for line in lines}), 2)

    def check_tail(self, campaign_id):
        daemon = self.w.daemon
        done = daemon.run("tail", "--json", "-n", "100000",
                          "--disposition", "delivered", "--tenant", self.tenant.id)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), CUSTOMERS)
        self.assertEqual({json.loads(line)["campaign"] for line in done.stdout.splitlines()},
                         {campaign_id})  # fmt: skip
        done = daemon.run("tail", "--json", "-n", "100000",
                          "--disposition", "bounced")  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_audience_by_condition_and_duplicate_addresses(self):
        tenant, world = self.tenant, self.w
        where = {"field": "都道府県", "op": "in", "value": ["東京都", "大阪府"]}
        expected = {a for a, row in self.rows.items() if row["prefecture"] in where["value"]}
        count = tenant.need(200, "POST", "/v1/contacts:count", {"where": where}).json["count"]
        self.assertEqual(count, len(expected))
        report = tenant.wait_finished(tenant.submit(campaign_of("shop.test", {"where": where})))
        self.assert_report(report, recipients=len(expected), delivered=len(expected))
        self.assert_each_once(world, expected)
        given = ["a@one.test", "A@ONE.test", "b@two.test", "a@one.test"]
        report = tenant.wait_finished(
            tenant.submit(campaign_of("shop.test", recipients_of(given), name="given"))
        )
        self.assertEqual(report["recipients"] + report["left_out"]["duplicates"], 4, report)
        accepted = world.accepted()
        self.assertEqual(accepted["b@two.test"], 1)
        self.assertEqual(accepted.get("a@one.test"), 1)

    def test_tail_follows_live(self):
        daemon = self.w.daemon
        follow = Process(
            [daemon.binary, "tail", "-f", "-n", "0", "--json", "--disposition", "bounced"],
            daemon.directory.file("tail.log"), env=daemon.environment(),
        )  # fmt: skip
        self.addCleanup(follow.close)
        rounds = itertools.count()
        # Lines written before it watches would be missed: campaigns go out until it shows one, each
        # to others, since who bounced gets nothing more.
        def shown():
            number = next(rounds)
            both = [f"{kind}-{number}-{n}@one.test" for n in range(5) for kind in ("fine", "bounce")]
            campaign = campaign_of("shop.test", recipients_of(both), text="x {{ n }}")
            self.tenant.wait_finished(self.tenant.submit(campaign))
            return wait_or_none(lambda: follow.log().count("\n") >= 5, 2)

        wait_until(shown, 20, "the lines of tail -f")
        lines = [json.loads(line) for line in follow.log().splitlines()]
        self.assertEqual({line["event"] for line in lines}, {"bounced"})
        for line in lines:
            self.assertRegex(line["recipient"], r"^bounce-\d+-\d@one\.test$")

    def test_sandbox_does_everything_but_the_network(self):
        report = self.tenant.wait_finished(
            self.tenant.submit(campaign_of("shop.test", sandbox=True))
        )
        self.assert_report(report, recipients=CUSTOMERS, delivered=CUSTOMERS)
        self.assertEqual(self.w.total(), 0)

    def test_sending_later(self):
        campaign_id = self.tenant.draft(
            campaign_of("shop.test", recipients_of(["later@one.test"]),
                        send_at="2099-01-01T09:00:00+09:00")
        )  # fmt: skip
        self.tenant.act(campaign_id, "schedule")
        state = self.tenant.get(f"/v1/campaigns/{campaign_id}")
        self.assertEqual(state["state"], "scheduled")
        self.assertEqual(state["send_at"][:19], "2099-01-01T09:00:00")
        self.tenant.act(campaign_id, "cancel")
        self.assertEqual(self.w.total(), 0)


if __name__ == "__main__":
    main()
