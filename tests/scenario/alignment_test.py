#!/usr/bin/env python3
"""The records of sender domains: what is missing refuses a broadcast; keys change under way."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import HOSTNAME, campaign_of, recipients_of, zone_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

SENDER = "shop.test"
PEOPLE = [f"p{i}@one.test" for i in range(40)]
SLOW = 240  # at 30/s
SETTINGS = {
    "sources": [{"name": "one", "address_v4": "127.0.0.1"}],
    "alignment": {"key_poll": "200ms", "key_retire": "3s"},
}
ZONES = {
    SENDER: "",
    "127.in-addr.arpa": f"1.0.0 IN PTR {HOSTNAME}.\n",
    "hikyaku.test": "mail IN A 127.0.0.1\n",
}
ALL_CHECKS = {"dkim", "spf", "return_path_spf", "return_path_mx", "dmarc", "alignment", "from_mx",
              "ptr"}  # fmt: skip


class Alignment(ScenarioTest):
    def open(self, settings=None, **options):
        world = self.world(settings={**SETTINGS, **(settings or {})}, zones=ZONES, **options)
        tenant = world.daemon.create_tenant()
        return world, tenant, tenant.add_domain(SENDER)

    def publish(self, world, domain, without=(), more=f"@ IN MX 10 mx.{SENDER}.\n"):
        world.dns.set_zone(SENDER, "$TTL 1\n" + zone_of(domain, without) + more)

    def start(self, tenant, **changes):
        """Drafts and starts a campaign; returns its id and the answer to the start."""
        people = changes.pop("people", PEOPLE)
        campaign_id = tenant.draft(campaign_of(SENDER, recipients_of(people), **changes))
        return campaign_id, tenant.ask("POST", f"/v1/campaigns/{campaign_id}:start")

    def operations(self, tenant, operation):
        return tenant.get(f"/v1/operation-logs?operation={operation}")["data"]

    def test_a_good_domain_sends(self):
        world, tenant, domain = self.open()
        self.publish(world, domain)
        campaign_id, answer = self.start(tenant)
        self.assertEqual(answer.status, 202, answer)
        self.assertNotIn("warnings", answer.json)
        self.assert_report(tenant.wait_finished(campaign_id), recipients=40, delivered=40)
        checked = tenant.get(f"/v1/domains/{domain['id']}")["checks"]
        self.assertEqual({f["check"] for f in checked["findings"]}, ALL_CHECKS)
        self.assertEqual({f["state"] for f in checked["findings"]}, {"ok"}, checked)
        self.assertEqual(checked["state"], "ok")
        self.assertTrue(all(checked[name] for name in ("dkim", "spf", "return_path", "dmarc")))
        table = world.daemon.run("domain", "check", SENDER, tenant=tenant)
        self.assertEqual(table.returncode, 0, table)
        self.assertIn(f"{SENDER}: ok", table.stdout)
        self.assertIn("return_path_mx", table.stdout)

    def test_each_missing_record_refuses_a_broadcast(self):
        world, tenant, domain = self.open()
        by_purpose = {r["purpose"]: r for r in domain["records"] if r["purpose"] != "dkim"}
        for purpose in ("return_path_spf", "return_path_mx", "dmarc"):
            with self.subTest(purpose):
                self.publish(world, domain, without=(purpose,))
                _, answer = self.start(tenant)
                self.refused(answer, {f"alignment_{purpose}"}, by_purpose[purpose]["value"])
        with self.subTest("dkim"):
            self.publish(world, domain, without=("dkim",))
            _, answer = self.start(tenant)
            self.refused(answer, {"alignment_dkim"}, "v=DKIM1; k=")
            self.assertEqual(len(answer.json["errors"]), 2, answer)
            self.assertIn(f"hk1r._domainkey.{SENDER}", str(answer.json))
        with self.subTest("from_mx"):
            self.publish(world, domain, more="")
            _, answer = self.start(tenant)
            self.refused(answer, {"alignment_from_mx"}, f"MX {SENDER}")
        # SPF that names another address.
        wrong = {**domain, "records": [
            {**r, "value": "v=spf1 ip4:192.0.2.9 -all"} if r["purpose"] == "return_path_spf" else r
            for r in domain["records"]]}  # fmt: skip
        self.publish(world, wrong)
        campaign_id, answer = self.start(tenant)
        self.refused(answer, {"alignment_return_path_spf"},
                     "v=spf1 ip4:127.0.0.1 ip4:192.0.2.9 -all")  # fmt: skip
        self.assertEqual(world.total(), 0)
        failing = world.daemon.run("domain", "check", tenant=tenant)
        self.assertEqual(failing.returncode, 1, failing)
        self.assertIn("; publish for return_path_spf", failing.stdout)
        # Repaired, it starts at once.
        self.publish(world, domain)
        tenant.act(campaign_id, "start")
        self.assert_report(tenant.wait_finished(campaign_id), recipients=40, delivered=40)

    def refused(self, answer, codes, record):
        self.assertEqual(answer.status, 422, answer)
        self.assertEqual(answer.json["code"], "not_aligned", answer)
        errors = answer.json["errors"]
        self.assertEqual({e["code"] for e in errors}, codes, answer)
        self.assertEqual({e["pointer"] for e in errors}, {"/from/email"}, answer)
        self.assertIn(record, str([e["detail"] for e in errors]))

    def test_what_may_start_all_the_same(self):
        world, tenant, domain = self.open()
        self.publish(world, domain, without=("dkim", "dmarc"))
        campaign_id, answer = self.start(tenant, alignment_override=True, people=PEOPLE[:2])
        self.assertEqual(answer.status, 202, answer)
        codes = {w["code"] for w in answer.json["warnings"]}
        self.assertEqual(codes, {"alignment_dkim", "alignment_dmarc"}, answer)
        self.assert_report(tenant.wait_finished(campaign_id), recipients=2, delivered=2)
        (start,) = self.operations(tenant, "campaign.start")
        self.assertEqual(start["object"], campaign_id)
        self.assertIn("alignment_override: alignment_dkim", start["detail"])
        # Transactional mail is not held up: what is known is told.
        campaign_id, answer = self.start(tenant, stream="transactional", people=PEOPLE[:2])
        self.assertEqual(answer.status, 202, answer)
        self.assertIn("warnings", answer.json)
        tenant.wait_finished(campaign_id)
        self.assertEqual(self.start(tenant)[1].status, 422)
        # The operator may switch it off, live.
        world.daemon.settings["alignment"]["enforce"] = False
        world.daemon.write_configuration()
        self.assertEqual(world.daemon.platform("POST", "/platform/v1/reload").status, 200)
        campaign_id, answer = self.start(tenant, people=PEOPLE[:2])
        self.assertEqual(answer.status, 202, answer)
        tenant.wait_finished(campaign_id)

    def test_no_answer_is_no_failure(self):
        world = self.world(settings=SETTINGS)  # nobody serves shop.test
        tenant = world.daemon.create_tenant()
        domain = tenant.add_domain(SENDER)
        campaign_id, answer = self.start(tenant)
        self.assertEqual(answer.status, 202, answer)
        tenant.wait_finished(campaign_id)
        checked = tenant.need(200, "POST", f"/v1/domains/{domain['id']}:check").json["checks"]
        self.assertEqual(checked["state"], "unknown", checked)
        self.assertEqual(tenant.ask("POST", "/v1/domains/dom_0000000000001:check").status, 404)

    def test_keys_change_while_a_campaign_is_sent(self):
        world, tenant, domain = self.open(shaping={"default": {"message_rate": "30/s"}})
        self.publish(world, domain)
        path = f"/v1/domains/{domain['id']}"
        campaign_id, answer = self.start(tenant, people=PEOPLE[:20])
        self.assertEqual(answer.status, 202, answer)
        tenant.wait_finished(campaign_id)
        rotated = tenant.need(200, "POST", path + ":rotate").json
        self.assertEqual(self.states(rotated), {"hk1r": "active", "hk1e": "active",
                                                "hk2r": "pending", "hk2e": "pending"})  # fmt: skip
        self.assertEqual(tenant.ask("POST", path + ":rotate").status, 409)
        world.daemon.restart()
        self.assertEqual(self.states(tenant.get(path)), self.states(rotated))
        # The keys switch while this one is under way, without a pause.
        slow, answer = self.start(tenant, people=[f"s{i}@one.test" for i in range(SLOW)])
        self.assertEqual(answer.status, 202, answer)
        self.publish(world, rotated)
        self.assertLess(tenant.report(slow)["delivered"], SLOW)
        switched = wait_until(
            lambda: self.when(tenant, path, {"hk1r": "retiring", "hk1e": "retiring",
                                             "hk2r": "active", "hk2e": "active"}), 20,
            "signing to switch")  # fmt: skip
        self.assertIn("hk1r._domainkey.shop.test", str(switched["records"]))
        self.assertLess(tenant.report(slow)["delivered"], SLOW)
        self.assert_report(tenant.wait_finished(slow), recipients=SLOW, delivered=SLOW)
        lines = wait_until(lambda: self.delivered(world, slow, SLOW), 10, "the lines of the log")
        lines.sort(key=lambda line: line["ts"])
        pairs = [tuple(sorted(d["s"] for d in line["dkim"])) for line in lines]
        self.assertEqual(pairs[0], ("hk1e", "hk1r"))
        self.assertEqual(pairs[-1], ("hk2e", "hk2r"))
        self.assertEqual(set(pairs), {("hk1e", "hk1r"), ("hk2e", "hk2r")})
        # The next campaign has the new keys only.
        after = tenant.submit(campaign_of(SENDER, recipients_of(["last@one.test"])))
        tenant.wait_finished(after)
        (line,) = wait_until(lambda: self.delivered(world, after, 1), 10, "the last line")
        self.assertEqual({d["s"] for d in line["dkim"]}, {"hk2r", "hk2e"})
        gone = wait_until(
            lambda: self.when(tenant, path, {"hk1r": "gone", "hk1e": "gone",
                                             "hk2r": "active", "hk2e": "active"}), 20,
            "the old keys to go")  # fmt: skip
        self.assertNotIn("hk1r", str(gone["records"]))
        self.assertEqual({k["advice"] for k in gone["keys"] if k["state"] == "gone"},
                         {"its record may be removed"})  # fmt: skip
        self.assertTrue(self.operations(tenant, "domain.rotate"))
        self.assertIn("hk1r active to retiring", str(self.operations(tenant, "domain.keys")))

    @staticmethod
    def states(domain):
        return {key["selector"]: key["state"] for key in domain["keys"]}

    def when(self, tenant, path, states):
        domain = tenant.get(path)
        return domain if self.states(domain) == states else None

    @staticmethod
    def delivered(world, campaign_id, count):
        lines = world.daemon.delivery_log(event="delivered", campaign=campaign_id)
        return lines if len(lines) == count else None


if __name__ == "__main__":
    main()
