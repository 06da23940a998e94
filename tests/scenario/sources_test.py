#!/usr/bin/env python3
"""Sources: a warm-up's budget goes to those who engaged most recently; checks are seen and told."""

import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

TOKYO = datetime.timezone(datetime.timedelta(hours=9))
ADDRESS = "127.0.3.7"
CAP = 20
#: Days since people engaged, for each rank that the test has; None: never.
ENGAGED = (200, None, 3)


def today():
    return datetime.datetime.now(TOKYO).date()


def address(number):
    return f"user{number:03}@one.test"


def zones(listed):
    octets = ".".join(reversed(ADDRESS.split(".")))
    return {
        "127.in-addr.arpa": ".".join(octets.split(".")[:3]) + " IN PTR mail.source.test.\n",
        "source.test": f"mail IN A {ADDRESS}\nother IN A 127.0.3.8\n",
        "bl.test": f"{octets} IN A 127.0.0.2\n" if listed else "",
    }


class Sources(ScenarioTest):
    def wait_for_quiet_day(self):
        left = 24 * 3600 - (time.time() + 9 * 3600) % (24 * 3600)
        if left < 90:
            time.sleep(left + 1)

    def settings(self, **source):
        return {
            "sources": [{"name": "new", "address_v4": ADDRESS, "ehlo_name": "mail.source.test",
                         **source}],
            "pools": {"default": [{"source": "new", "weight": 1}]},
        }

    def shown(self, what="sources"):
        answer = self.w.daemon.platform("GET", "/platform/v1/" + what)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["data"]

    def begin(self, count):
        """Contacts whose engagement goes round through ENGAGED, worst first; a campaign to all."""
        self.tenant = self.w.daemon.create_tenant()
        self.tenant.add_domain("shop.test")
        rows = []
        for number in range(count):
            days = ENGAGED[number % len(ENGAGED)]
            at = "" if days is None else (
                datetime.datetime.now(TOKYO) - datetime.timedelta(days=days)
            ).isoformat(timespec="seconds")
            rows.append((address(number), at))
        self.tenant.import_csv(csv_of(("email", "engaged_at"), rows))
        return self.tenant.submit(campaign_of("shop.test"))

    def check_warm_up(self, count):
        self.wait_for_quiet_day()
        settings = self.settings(warm_up={"started": today().isoformat(), "plan": [CAP, 400]})
        self.w = self.world(settings=settings)
        campaign_id = self.begin(count)
        self.tenant.wait_report(campaign_id, lambda r: r["delivered"] >= CAP)
        wait_until(lambda: self.shown()[0]["warm_up"]["sites"], 10, "the warm-up's row")
        time.sleep(1.5)  # the one thing to wait for is time: no more may come
        got = self.w.accepted()
        self.assertEqual(len(got), CAP)
        best = {address(n) for n in range(count) if ENGAGED[n % len(ENGAGED)] == 3}
        self.assertLessEqual(set(got), best)
        (source,) = self.shown()
        self.assertEqual((source["warm_up"]["day"], source["warm_up"]["cap"]), (1, CAP))
        self.assertEqual([s["used"] for s in source["warm_up"]["sites"]], [CAP])
        self.assertEqual(self.shown("pools"), [
            {"name": "default", "sources": [{"source": "new", "weight": 1}], "warming_up": True}])

        self.w.daemon.kill9()
        self.w.daemon.start()
        time.sleep(1.5)
        self.assertEqual(len(self.w.accepted()), CAP)

        # Without the warm-up the rest goes out, without a restart.
        self.w.daemon.settings.update(self.settings())
        self.w.daemon.write_configuration()
        answer = self.w.daemon.platform("POST", "/platform/v1/reload")
        self.assertEqual(answer.status, 200, answer)
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=count, delivered=count)
        self.assert_each_once(self.w, map(address, range(count)))

    def test_a_small_audience(self):
        """Its domain shares a tail lane."""
        self.check_warm_up(60)

    def test_a_large_audience(self):
        """Its domain has a lane of its own."""
        self.check_warm_up(600)

    def checks(self):
        return {c["check"]: c for c in self.shown()[0]["checks"]}

    def test_checks(self):
        self.w = self.world(settings=self.settings() | {
            "source_checks": {"every": "1h", "dnsbl": ["bl.test"]}}, zones=zones(True))
        wait_until(lambda: len(self.checks()) == 4, 30, "the findings")
        checks = self.checks()
        self.assertEqual({name: c["ok"] for name, c in checks.items()},
                         {"ptr": True, "forward_confirmed": True, "ehlo_name": True,
                          "dnsbl": False}, checks)
        self.assertIn("bl.test", checks["dnsbl"]["detail"])
        self.assertIn("source_listed", self.w.daemon.log())
        self.assertEqual(self.shown()[0]["pools"], ["default"])
        self.assertEqual(self.shown()[0]["addresses"], [ADDRESS])

        # Another name, live: checked at once, and told.
        changed = self.settings(ehlo_name="other.source.test")
        self.w.daemon.settings.update(changed)
        self.w.daemon.write_configuration()
        answer = self.w.daemon.platform("POST", "/platform/v1/reload")
        self.assertEqual(answer.status, 200, answer)
        self.assertNotIn("sources", str(answer.json))
        wait_until(lambda: self.checks()["ehlo_name"]["ok"] is False, 30, "the new finding")
        self.assertEqual(self.shown()[0]["ehlo"], "other.source.test")
        self.assertIn("source_check_failed", self.w.daemon.log())


main()
