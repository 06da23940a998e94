#!/usr/bin/env python3
"""Why a recipient has no mail yet, what became of a contact, and a campaign's dry run."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

#: Retries far enough away to be asked about.
SLOW_RETRY = {"retry": {"steps": ["1h"], "jitter_percent": 0, "expire_after": "12h"}}
DEADLINE_S = 30


class Explain(ScenarioTest):
    def open(self, addresses, **options):
        self.w = self.world(**options)
        self.tenant = self.w.daemon.create_tenant()
        self.tenant.add_domain("shop.test")
        rows = [(address, f"名前{n}") for n, address in enumerate(addresses)]
        self.tenant.import_csv(csv_of(("email", "name"), rows))
        self.ids = {
            contact["fields"]["email"]: contact["id"]
            for contact in self.tenant.get("/v1/contacts?limit=1000")["data"]
        }

    def explain(self, campaign_id, whom):
        return self.tenant.get(f"/v1/campaigns/{campaign_id}/recipients/{whom}:explain")

    def wait_reason(self, campaign_id, whom, what):
        """The explanation once this is among its reasons; and the reason."""
        def found():
            told = self.explain(campaign_id, whom)
            last["told"] = told
            reasons = [r for r in told["reasons"] if r["what"] == what]
            return (told, reasons[0]) if reasons else None

        last = {}
        try:
            return wait_until(found, DEADLINE_S, f"{what} to be told", 0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {last}") from None

    def deliveries(self, email):
        return self.tenant.get(f"/v1/contacts/{self.ids[email]}/deliveries")["data"]

    def test_draft_paused_delivered_and_strangers(self):
        self.open(["a@one.test"])
        who = self.ids["a@one.test"]
        draft = self.tenant.draft(campaign_of("shop.test"))
        told = self.explain(draft, who)
        self.assertEqual((told["state"], told["reasons"][0]["what"]), ("not_begun", "draft"), told)

        later = self.tenant.submit(campaign_of("shop.test", send_at="2099-01-01T09:00:00+09:00"))
        told, reason = self.wait_reason(later, who, "not_started")
        self.assertTrue(reason["until"].startswith("2099-01-01T09:00:00"), told)

        sent = self.tenant.submit(campaign_of("shop.test"))
        self.tenant.wait_finished(sent)
        told = self.explain(sent, who)
        self.assertEqual((told["state"], told["last"]["event"]), ("ended", "delivered"), told)
        self.assertEqual(told["reasons"], [])
        self.assertEqual([(d["campaign"], d["event"], d["code"]) for d in self.deliveries("a@one.test")],
                         [(sent, "delivered", 250)])  # fmt: skip
        # By address, and on the command line.
        self.assertEqual(self.explain(sent, "a%40one.test")["recipient"], who)
        run = self.w.daemon.run("campaign", "explain", sent, "a@one.test", tenant=self.tenant)
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("delivered", run.stdout)

        # Nobody else finds any of it.
        other = self.w.daemon.create_tenant("Other")
        for path in (f"/v1/campaigns/{sent}/recipients", f"/v1/contacts/{who}/deliveries",
                     f"/v1/campaigns/{sent}/recipients/{who}:explain",
                     f"/v1/campaigns/{sent}/recipients/a%40one.test:explain"):  # fmt: skip
            self.assertEqual(other.ask("GET", path).status, 404, path)
        self.assertEqual(other.ask("POST", f"/v1/campaigns/{sent}:dry-run").status, 404)
        for whom in ("con_0000000000000", "nobody%40one.test", "17", "%20"):
            answer = self.tenant.ask("GET", f"/v1/campaigns/{sent}/recipients/{whom}:explain")
            self.assertEqual(answer.status, 404, (whom, answer))

    def test_paused(self):
        self.open([f"user{n}@one.test" for n in range(20)],
                  shaping={"default": {"message_rate": "1/min"}})  # fmt: skip
        campaign = self.tenant.submit(campaign_of("shop.test"))
        last = self.ids["user19@one.test"]
        told, reason = self.wait_reason(campaign, last, "message_rate")
        self.assertEqual((told["state"], told["site"] is None), ("waiting", False), told)
        self.assertIsNotNone(reason["until"])
        self.assertGreater(told["ahead"], 0)
        self.tenant.act(campaign, "pause")
        told, reason = self.wait_reason(campaign, last, "campaign_paused")
        self.assertIsNone(reason["until"])
        # Suppressed while it waits: that is told, too.
        self.tenant.need(201, "POST", "/v1/suppressions", {"address": "user19@one.test"})
        told, reason = self.wait_reason(campaign, last, "suppressed")
        self.assertIn("manual", reason["detail"])
        # Page by page, each once.
        listed, cursor = [], ""
        while cursor is not None:
            page = self.tenant.get(f"/v1/campaigns/{campaign}/recipients?limit=7{cursor}")
            listed += page["data"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        self.assertEqual(len(listed), len({one["recipient"] for one in listed}), listed)
        self.assertEqual({one["address"] for one in listed}, set(self.ids), listed)
        self.assertLessEqual({one["state"] for one in listed}, {"delivered", "waiting"})
        self.assertEqual(listed[-1]["state"], "waiting")

    def test_greylisted(self):
        email = "defer-once-1@one.test"
        self.open([email], shaping=SLOW_RETRY)
        campaign = self.tenant.submit(campaign_of("shop.test"))
        told, reason = self.wait_reason(campaign, self.ids[email], "not_due")
        self.assertEqual((told["attempts"], told["last"]["code"]), (1, 451), told)
        self.assertEqual(reason["until"][:19], told["next_try"][:19])
        self.w.daemon.restart()
        self.assertEqual(self.explain(campaign, self.ids[email])["last"]["event"], "deferred")
        answer = self.w.daemon.platform(
            "POST", f"/platform/v1/queue/campaigns/{campaign}:retry", {})
        self.assertIn(answer.status, (200, 202, 204), answer)
        self.tenant.wait_finished(campaign)
        told = self.deliveries(email)
        self.assertEqual([(d["event"], d["attempt"]) for d in told],
                         [("delivered", 2), ("deferred", 1)], told)  # fmt: skip
        self.assertEqual(told[1]["campaign"], campaign)
        self.assertIsNotNone(told[1]["next_try"])
        first = self.tenant.get(f"/v1/contacts/{self.ids[email]}/deliveries?limit=1")
        rest = self.tenant.get(
            f"/v1/contacts/{self.ids[email]}/deliveries?limit=1&cursor={first['next_cursor']}")
        self.assertEqual(first["data"] + rest["data"], told)

    def test_suspended_site(self):
        self.open(["a@one.test"])
        first = self.tenant.submit(campaign_of("shop.test"))
        self.tenant.wait_finished(first)
        answer = self.w.daemon.platform(
            "POST", "/platform/v1/queue/sites/mx1.mx-1.test:suspend",
            {"duration": "1h"})  # fmt: skip
        self.assertIn(answer.status, (200, 202, 204), answer)
        campaign = self.tenant.submit(campaign_of("shop.test"))
        told, reason = self.wait_reason(campaign, self.ids["a@one.test"], "suspended_site")
        self.assertIsNotNone(reason["until"])
        self.assertEqual(reason["detail"], "All mail to this receiving site is suspended.", told)

    def test_quota(self):
        self.open([f"user{n}@one.test" for n in range(8)],
                  settings={"quotas": {"default": {"per_day": 5}}})  # fmt: skip
        campaign = self.tenant.submit(campaign_of("shop.test"))
        self.tenant.wait_report(campaign, lambda r: r["delivered"] == 5)
        listed = self.tenant.get(f"/v1/campaigns/{campaign}/recipients?limit=100")
        if listed["next_cursor"]:
            more = self.tenant.get(
                f"/v1/campaigns/{campaign}/recipients?limit=100&cursor={listed['next_cursor']}")
            listed["data"] += more["data"]
        waiting = [one for one in listed["data"] if one["state"] == "waiting"]
        self.assertEqual(len(waiting), 3, listed)
        self.assertTrue(all(one["last"] is None for one in waiting), waiting)
        _, reason = self.wait_reason(campaign, waiting[0]["recipient"], "quota")
        self.assertIsNotNone(reason["until"])

    def test_given_recipients(self):
        self.open(["a@one.test"])
        addresses = ["defer-once-1@one.test", "b@one.test"]
        campaign = self.tenant.submit(campaign_of("shop.test", recipients_of(addresses)))
        self.tenant.wait_finished(campaign)
        listed = self.tenant.get(f"/v1/campaigns/{campaign}/recipients")["data"]
        self.assertEqual({(one["recipient"], one["address"]) for one in listed},
                         {("1", addresses[0]), ("2", addresses[1])})  # fmt: skip
        told = self.explain(campaign, "b%40one.test")
        self.assertEqual((told["recipient"], told["state"]), ("2", "ended"), told)
        # Their numbers are not those of contacts.
        self.assertEqual(self.deliveries("a@one.test"), [])

    def test_dry_run(self):
        self.open(["good@one.test", "bad@one.test", "gone@one.test", "far@elsewhere.test"],
                  shaping={"default": {"message_rate": "1/min"}})  # fmt: skip
        self.tenant.import_csv(csv_of(("email", "name"), [("none@one.test", "")]))
        self.tenant.need(201, "POST", "/v1/suppressions", {"address": "gone@one.test"})
        definition = campaign_of(
            "shop.test",
            text="Dear\n{% if email == 'bad@one.test' %}{{ 5 | divided_by: 0 }}{% endif %}you\n")
        campaign = self.tenant.draft(definition)
        report = self.tenant.need(200, "POST", f"/v1/campaigns/{campaign}:dry-run").json
        counts = {name: report[name] for name in
                  ("audience", "recipients", "suppressed", "render_errors", "would_send")}
        self.assertEqual(counts, {"audience": 5, "recipients": 5, "suppressed": 1,
                                  "render_errors": 1, "would_send": 3}, report)  # fmt: skip
        (error,) = report["errors"]
        self.assertEqual((error["recipient"], error["part"], error["line"]),
                         (self.ids["bad@one.test"], "text", 2), error)  # fmt: skip
        self.assertIn("0", error["reason"])
        self.assertGreater(report["largest_message"]["bytes"], 300)
        sites = {site["site"]: site for site in report["forecast"]["sites"]}
        self.assertEqual(sum(site["recipients"] for site in sites.values()), 3, sites)
        one = next(site for site in sites.values() if site["recipients"] == 2)
        self.assertAlmostEqual(one["per_second"], 1 / 60, 3)
        self.assertAlmostEqual(one["seconds"], 120, 0)
        self.assertGreaterEqual(report["forecast"]["seconds"], one["seconds"])
        # Nothing happened.
        self.assertEqual(self.w.total(), 0)
        self.assertEqual(self.tenant.get(f"/v1/campaigns/{campaign}")["state"], "draft")
        file = self.w.daemon.directory.file("news.json", json.dumps(definition))
        run = self.w.daemon.run("campaign", "dry-run", file, tenant=self.tenant)
        self.assertEqual(run.returncode, 1, run)
        self.assertIn("bad@one.test", run.stdout)
        self.assertIn("Nothing was sent", run.stdout)
        self.assertEqual(self.w.total(), 0)

    def test_a_large_dry_run_is_a_job(self):
        self.open([f"user{n}@one.test" for n in range(10_001)])
        campaign = self.tenant.draft(campaign_of("shop.test"))
        job = self.tenant.need(202, "POST", f"/v1/campaigns/{campaign}:dry-run").json["job_id"]
        done = self.tenant.wait_job(job)
        self.assertEqual(done["state"], "done", done)
        self.assertEqual(done["counts"]["would_send"], 10_001, done)
        self.assertEqual(self.tenant.get(f"/v1/campaigns/{campaign}")["state"], "draft")


if __name__ == "__main__":
    main()
