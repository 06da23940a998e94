#!/usr/bin/env python3
"""Stopping in order, reloading, rotating: nothing is lost, nothing is sent twice."""

import json
import os
import sys
import signal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

RECIPIENTS = 4000
SLOW = {"default": {"message_rate": "20/s"}}


def addresses(count=RECIPIENTS):
    return [f"user{n}@{('one', 'two')[n % 2]}.test" for n in range(count)]


class Restart(ScenarioTest):
    def start(self, **options):
        self.w = self.world({"one.test": 1, "two.test": 2}, **options)
        self.d = self.w.daemon
        self.tenant = self.d.create_tenant()
        self.tenant.add_domain("shop.test")

    def test_sigterm_under_load(self):
        self.start()
        self.tenant.import_csv(csv_of(["email"], [[a] for a in addresses()]))
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        for part in (1, 2, 3):
            wait_until(lambda n=part: self.w.total() >= n * RECIPIENTS // 10, 30, "some mail")
            self.assertEqual(self.d.stop(), 0, self.d.log())
            sessions = self.w.total("sessions_open")
            self.assertEqual(sessions, 0, "sessions are closed when the daemon ends")
            self.d.start()
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=RECIPIENTS, delivered=RECIPIENTS)
        self.assert_each_once(self.w, addresses())
        self.assertEqual(self.d.stop(), 0)
        lines = self.d.delivery_log(event="delivered")
        self.assertEqual(len(lines), RECIPIENTS)
        self.assertEqual(len({line["recipient"] for line in lines}), RECIPIENTS)

    def test_a_campaign_in_any_state_survives_a_restart(self):
        self.start(shaping=SLOW)
        ids = {}
        for state in ("draft", "paused", "cancelled", "scheduled"):
            given = recipients_of([f"{state}{n}@one.test" for n in range(100)])
            more = {"send_at": "2099-01-01T00:00:00+09:00"} if state == "scheduled" else {}
            ids[state] = self.tenant.draft(campaign_of("shop.test", given, name=state, **more))
        for state, actions in {"paused": ("start", "pause"), "cancelled": ("start", "cancel"),
                               "scheduled": ("schedule",)}.items():  # fmt: skip
            for action in actions:
                self.tenant.act(ids[state], action)
        self.d.restart()
        for state, campaign_id in ids.items():
            self.assertEqual(self.tenant.get(f"/v1/campaigns/{campaign_id}")["state"], state)
        self.d.shaping["default"]["message_rate"] = "none"
        self.d.write_configuration()
        self.d.hup()
        self.tenant.act(ids["paused"], "resume")
        report = self.tenant.wait_finished(ids["paused"])
        self.assert_report(report, recipients=100, delivered=100)

    def test_reload(self):
        self.start(shaping=SLOW)
        campaign_id = self.tenant.submit(
            campaign_of("shop.test", recipients_of(addresses(1000)))
        )
        wait_until(lambda: self.w.total() >= 10, 30, "some mail")
        self.d.shaping["default"]["message_rate"] = "none"
        self.d.settings["http"] = {"threads": 3}
        self.d.write_configuration()
        self.d.hup()
        wait_until(lambda: "reload_needs_restart" in self.d.log(), 10, "the key to be named")
        self.assertIn("http", self.d.log())
        report = self.tenant.wait_finished(campaign_id, 30)
        self.assert_report(report, recipients=1000, delivered=1000)
        # A mistake changes nothing, and is told with its line.
        self.d.directory.file("shaping.yaml", "version: 1\ndefault:\n  mesage_rate: 1/s\n")
        self.d.hup()
        wait_until(lambda: "reload_failed" in self.d.log(), 10, "the mistake to be told")
        self.assertIn("message_rate", self.d.log())
        answer = self.d.platform("POST", "/platform/v1/reload")
        self.assertEqual((answer.status, answer.code), (422, "invalid_configuration"))
        self.assertIn("shaping.yaml:3", answer.json["detail"])
        self.d.write_configuration()
        self.assertEqual(self.d.platform("POST", "/platform/v1/reload").status, 200)

    def test_logrotate(self):
        self.start()
        found = []
        for number, signal_number in enumerate((signal.SIGHUP, signal.SIGUSR1)):
            given = [f"r{number}-{n}@one.test" for n in range(50)]
            self.tenant.wait_finished(
                self.tenant.submit(campaign_of("shop.test", recipients_of(given)))
            )
            wait_until(lambda n=number: len(self.d.delivery_log()) >= 50, 10, "50 lines")
            rotated = self.d.delivery_log_path + f".{number}"
            os.rename(self.d.delivery_log_path, rotated)
            self.d.process.signal(signal_number)
            wait_until(lambda: os.path.exists(self.d.delivery_log_path), 10, "a new file")
            with open(rotated, encoding="utf-8") as lines:
                found += [json.loads(line)["recipient"] for line in lines]
        self.assertEqual(len(found), 100)
        self.assertEqual(len(set(found)), 100)

    def test_an_import_goes_on_after_a_kill(self):
        self.start()
        rows = 30_000
        job_id = self.tenant.start_import(
            csv_of(["email", "name"], ([f"u{n}@one.test", f"名前{n}"] for n in range(rows)))
        )
        for part in (1, 2, 3):
            wait_until(
                lambda n=part: self.tenant.get(f"/v1/jobs/{job_id}")["progress"]["done"]
                >= self.tenant.get(f"/v1/jobs/{job_id}")["progress"]["total"] * n // 8,
                30, "progress",
            )  # fmt: skip
            self.d.kill9()
            self.d.start()
        job = self.tenant.wait_job(job_id)
        self.assertEqual(job["state"], "done", job)
        self.assertEqual((job["counts"]["created"], job["counts"]["rejected"]), (rows, 0), job)
        count = self.tenant.need(200, "POST", "/v1/contacts:count", {"where": {"all": []}}).json
        self.assertEqual(count["count"], rows)


if __name__ == "__main__":
    main()
