#!/usr/bin/env python3
"""Pause, resume, cancel, unsubscribe, delete and suspend: effective at once, in mid-campaign."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of, now_ms, recipients_of  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

RECIPIENTS = 400
#: Slow enough that a campaign can be changed while it is under way.
SLOW = {"default": {"message_rate": "100/s", "connections_max": 4}}
#: What a change may still let through, counted from its 2xx.
GRACE_MS = 1000


def address(number):
    return f"user{number}@one.test"


class Control(ScenarioTest):
    def setUp(self):
        self.w = self.world(shaping=SLOW)
        self.tenant = self.w.daemon.create_tenant()
        self.tenant.add_domain("shop.test")
        rows = [(address(number), f"名前{number}") for number in range(RECIPIENTS)]
        self.tenant.import_csv(csv_of(("email", "name"), rows))

    def begin(self, **changes):
        campaign_id = self.tenant.submit(campaign_of("shop.test", **changes))
        self.w.sink.await_messages(20)
        return campaign_id

    def accepted_after(self, moment_ms):
        return [r for r in self.w.records() if r.ending == "accepted" and r.time_ms > moment_ms]

    def watch_for(self, moment_ms, seconds):
        """Waits until the clock is so far beyond the moment: the one thing to wait for is time."""
        time.sleep(max(0.0, moment_ms / 1000 + seconds - time.time()))

    def test_pause_and_resume(self):
        campaign_id = self.begin()
        self.assertEqual(self.tenant.act(campaign_id, "pause")["state"], "paused")
        paused = now_ms()
        self.watch_for(paused, 2 * GRACE_MS / 1000)
        self.assertEqual(self.accepted_after(paused + GRACE_MS), [])
        report = self.tenant.report(campaign_id)
        self.assertEqual((report["state"], report["in_flight"]), ("paused", 0))
        self.assertGreater(report["pending"], 0)
        self.tenant.act(campaign_id, "resume")
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=RECIPIENTS, delivered=RECIPIENTS)
        self.assert_each_once(self.w, map(address, range(RECIPIENTS)))

    def test_cancel(self):
        campaign_id = self.begin()
        self.tenant.act(campaign_id, "cancel")
        cancelled = now_ms()
        report = self.tenant.wait_finished(campaign_id)
        self.watch_for(cancelled, 2 * GRACE_MS / 1000)
        self.assertEqual(self.accepted_after(cancelled + GRACE_MS), [])
        self.assertEqual(report["state"], "cancelled")
        self.assertEqual(report["delivered"] + report["cancelled"], RECIPIENTS, report)
        self.assertEqual(report["delivered"], self.w.total())
        self.assertGreater(report["cancelled"], 0)
        (line,) = self.w.daemon.delivery_log(event="cancelled", campaign=campaign_id)
        self.assertEqual(line["count"], report["cancelled"])
        again = self.tenant.ask("POST", f"/v1/campaigns/{campaign_id}:resume")
        self.assertEqual((again.status, again.code), (409, "campaign_state"))

    def test_who_unsubscribes_or_is_deleted_gets_nothing_any_more(self):
        ids = {
            contact["fields"]["email"]: contact["id"]
            for contact in self.tenant.get(f"/v1/contacts?limit={RECIPIENTS}")["data"]
        }
        campaign_id = self.begin()
        got = set(self.w.accepted())
        left = [address(n) for n in range(RECIPIENTS) if address(n) not in got][-60:]
        answered = {}
        for number, who in enumerate(left):
            if number % 3 == 0:
                self.tenant.need(200, "POST", f"/v1/contacts/{ids[who]}:unsubscribe")
            elif number % 3 == 1:
                self.tenant.need(201, "POST", "/v1/suppressions", {"address": who})
            else:
                self.tenant.need(204, "DELETE", f"/v1/contacts/{ids[who]}")
            answered[who] = now_ms()
        report = self.tenant.wait_finished(campaign_id)
        late = {r.recipient for r in self.w.records()
                if r.recipient in answered and r.time_ms > answered[r.recipient] + GRACE_MS}
        self.assertEqual(late, set())
        before = {r.recipient for r in self.w.records() if r.recipient in answered}
        self.assert_report(report, recipients=RECIPIENTS,
                           delivered=RECIPIENTS - len(left) + len(before),
                           suppressed=len(left) - len(before))  # fmt: skip
        self.assertLess(len(before), len(left) // 2)
        self.assertEqual(self.tenant.get("/v1/suppressions?address=" + left[0])["data"][0]["reason"],
                         "unsubscribed")  # fmt: skip

    def test_who_changes_the_address_gets_it_there(self):
        ids = {
            contact["fields"]["email"]: contact["id"]
            for contact in self.tenant.get(f"/v1/contacts?limit={RECIPIENTS}")["data"]
        }
        campaign_id = self.begin()
        self.tenant.act(campaign_id, "pause")
        got = set(self.w.accepted())
        who = next(address(n) for n in reversed(range(RECIPIENTS)) if address(n) not in got)
        self.tenant.need(200, "PATCH", f"/v1/contacts/{ids[who]}",
                         {"fields": {"email": "moved@one.test"}})  # fmt: skip
        self.tenant.act(campaign_id, "resume")
        report = self.tenant.wait_finished(campaign_id)
        self.assertEqual(report["delivered"], RECIPIENTS, report)
        accepted = self.w.accepted()
        self.assertEqual((accepted.get(who), accepted.get("moved@one.test")), (None, 1))

    def test_a_domain_that_is_used_stays(self):
        (domain,) = self.tenant.get("/v1/domains")["data"]
        path = f"/v1/domains/{domain['id']}"
        draft_id = self.tenant.draft(campaign_of("shop.test"))
        campaign_id = self.begin(**{"from": {"email": "news@SHOP.test", "name": "Shop"}})
        for action in (None, "pause"):
            if action:
                self.tenant.act(campaign_id, action)
            answer = self.tenant.ask("DELETE", path)
            self.assertEqual((answer.status, answer.code), (409, "domain_in_use"), answer)
            self.assertIn(campaign_id, answer.json["detail"])
        self.tenant.act(campaign_id, "cancel")
        self.tenant.wait_finished(campaign_id)
        self.tenant.need(204, "DELETE", path)
        answer = self.tenant.ask("POST", f"/v1/campaigns/{draft_id}:start")
        self.assertEqual((answer.status, list(answer.errors())), (422, ["/from/email"]), answer)
        entries = self.tenant.get("/v1/operation-logs?operation=domain.")["data"]
        self.assertEqual([e["operation"] for e in entries if e["operation"] != "domain.check"],
                         ["domain.delete", "domain.create"])  # fmt: skip
        self.w.daemon.restart()
        self.assertEqual(self.tenant.get("/v1/domains")["data"], [])

    def test_the_operators_repeated_request_makes_one_tenant(self):
        body = {"name": "Twice", "admin_email": "admin@twice.test"}
        header = {"Idempotency-Key": "tenant-1"}

        def create():
            return self.w.daemon.platform("POST", "/platform/v1/tenants", body, headers=header)

        first = create()
        self.assertEqual(first.status, 201, first)
        self.w.daemon.restart()
        second = create()
        self.assertEqual((second.status, second.json["id"]), (201, first.json["id"]), second)
        self.assertEqual(second.headers["Idempotency-Replayed"], "true")
        self.assertNotIn("key", second.json)

    def test_a_suspended_tenant_sends_nothing(self):
        campaign_id = self.begin()
        path = f"/platform/v1/tenants/{self.tenant.id}"
        self.assertEqual(self.w.daemon.platform("POST", path + ":suspend").status, 200)
        suspended = now_ms()
        self.watch_for(suspended, 2 * GRACE_MS / 1000)
        self.assertEqual(self.accepted_after(suspended + GRACE_MS), [])
        self.assertEqual(self.tenant.ask("GET", "/v1/campaigns").status, 403)
        self.assertEqual(self.w.daemon.platform("POST", path + ":resume").status, 200)
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=RECIPIENTS, delivered=RECIPIENTS)

    def test_a_repeated_submission_is_the_same_campaign(self):
        campaign = campaign_of("shop.test", recipients_of(["only@one.test"]))
        header = {"Idempotency-Key": "november-1"}
        first = self.tenant.need(201, "POST", "/v1/campaigns", campaign, headers=header)
        self.assertNotIn("Idempotency-Replayed", first.headers)
        second = self.tenant.need(201, "POST", "/v1/campaigns", campaign, headers=header)
        self.assertEqual(second.headers["Idempotency-Replayed"], "true")
        self.assertEqual(first.json["id"], second.json["id"])
        other = self.tenant.ask("POST", "/v1/campaigns", campaign | {"name": "x"}, headers=header)
        self.assertEqual((other.status, other.code), (409, "idempotency_key_reused"))
        campaign_id = first.json["id"]
        start = {"Idempotency-Key": "start-1"}
        self.tenant.act(campaign_id, "start", headers=start)
        self.tenant.wait_finished(campaign_id)
        again = self.tenant.need(202, "POST", f"/v1/campaigns/{campaign_id}:start", headers=start)
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.w.daemon.restart()
        again = self.tenant.need(201, "POST", "/v1/campaigns", campaign, headers=header)
        self.assertEqual(again.json["id"], campaign_id)
        self.assertEqual(len(self.tenant.get("/v1/campaigns")["data"]), 1)
        self.assertEqual(self.w.accepted(), {"only@one.test": 1})


if __name__ == "__main__":
    main()
