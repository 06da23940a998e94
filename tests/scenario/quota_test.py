#!/usr/bin/env python3
"""Quotas of tenants are exact, survive a crash, and change while the daemon runs."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

RECIPIENTS = 30
DAY_S = 24 * 3600
TOKYO_S = 9 * 3600


def address(number):
    return f"user{number}@one.test"


class Quota(ScenarioTest):
    def setUp(self):
        # A day that ends in the middle would give the tenant another five.
        left = DAY_S - (time.time() + TOKYO_S) % DAY_S
        if left < 90:
            time.sleep(left + 1)
        self.w = self.world()
        self.tenant = self.w.daemon.create_tenant()
        self.tenant.add_domain("shop.test")
        rows = [(address(number), f"名前{number}") for number in range(RECIPIENTS)]
        self.tenant.import_csv(csv_of(("email", "name"), rows))
        self.path = "/platform/v1/tenants/" + self.tenant.id

    def patch(self, quota):
        answer = self.w.daemon.platform("PATCH", self.path, {"quota": quota})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["quota"]

    def used(self):
        return self.w.daemon.platform("GET", self.path).json["quota"]["used"]

    def wait_delivered(self, campaign_id, count):
        return self.tenant.wait_report(
            campaign_id, lambda r: r["delivered"] >= count and r["in_flight"] == 0)

    def test_exact_over_a_crash_and_live_changes(self):
        self.assertEqual(self.patch({"per_day": 5, "per_month": 1000})["per_day"], 5)
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        self.wait_delivered(campaign_id, 5)
        self.assertEqual(self.used(), {"today": 5, "this_month": 5})

        self.w.daemon.kill9()
        self.w.daemon.start()
        self.assertEqual(self.w.daemon.platform("GET", self.path).json["quota"]["per_day"], 5)
        time.sleep(1.5)  # the one thing to wait for is time: nothing may come
        self.assertEqual(self.w.total(), 5)
        self.assertEqual(self.tenant.report(campaign_id)["pending"], RECIPIENTS - 5)

        shown = self.w.daemon.run("tenant", "quota", self.tenant.id, "--per-day", "8")
        self.assertEqual(shown.returncode, 0, shown)
        self.assertIn("its own", shown.stdout)
        self.wait_delivered(campaign_id, 8)
        time.sleep(1)
        self.assertEqual(self.w.total(), 8)
        self.assertEqual(self.used(), {"today": 8, "this_month": 8})

        shown = self.w.daemon.run("tenant", "quota", self.tenant.id, "--none")
        self.assertEqual(shown.returncode, 0, shown)
        self.assertIn("quotas.default", shown.stdout)
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=RECIPIENTS, delivered=RECIPIENTS)
        self.assert_each_once(self.w, map(address, range(RECIPIENTS)))
        self.assertEqual(self.used()["today"], RECIPIENTS)

    def test_what_was_sent_before_a_quota_was_set_counts(self):
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        self.tenant.wait_finished(campaign_id)
        self.patch({"per_day": RECIPIENTS + 3})
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        self.wait_delivered(campaign_id, 3)
        time.sleep(1)
        self.assertEqual(self.w.total(), RECIPIENTS + 3)

    def test_refused(self):
        for quota, pointer in (
            ({"per_day": 0}, "/quota/per_day"),
            ({"per_hour": 5}, "/quota/per_hour"),
            ({"ramp": [1, "x"]}, "/quota/ramp/1"),
            ({"ramp": [5, 4]}, "/quota"),
            (7, "/quota"),
        ):
            answer = self.w.daemon.platform("PATCH", self.path, {"quota": quota})
            self.assertEqual(answer.status, 422, (quota, answer))
            self.assertEqual(list(answer.errors()), [pointer], quota)
        self.assertEqual(
            self.w.daemon.platform("PATCH", "/platform/v1/tenants/tnt_0000000000001",
                                   {"quota": None}).status, 404)
        self.assertEqual(self.w.daemon.run("tenant", "quota", self.tenant.id, "--none",
                                           "--per-day", "5").returncode, 2)


main()
