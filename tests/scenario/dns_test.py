#!/usr/bin/env python3
"""What the DNS says about a domain: which mail bounces at once, which waits, where it goes."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

ZONES = {
    "null.test": "@ IN MX 0 .\n",
    "implicit.test": "@ IN A 127.0.11.1\n",
    "zone.test": "alias IN CNAME one.test.\nloop IN CNAME pool\npool IN CNAME loop\n",
    "fallback.test": "@ IN MX 10 dead\n@ IN MX 20 mx1.mx-1.test.\ndead IN A 127.0.99.1\n",
    "broken.test": "@ IN MX there is no such record\n",
    "nowhere.test": "@ IN MX 10 gone\n",
    "xn--bcher-kva.test": "@ IN MX 10 mx1.mx-1.test.\n",
}
ENDS_AT_ONCE = {
    "a@one.test": "delivered", "a@implicit.test": "delivered", "a@alias.zone.test": "delivered",
    "a@fallback.test": "delivered", "a@null.test": "bounced", "a@nx.zone.test": "bounced",
    "a@loop.zone.test": "bounced",
}  # fmt: skip
WAITS = ["a@broken.test", "a@unserved.test"]


class Dns(ScenarioTest):
    def send(self, world, addresses, **changes):
        tenant = world.daemon.create_tenant()
        tenant.add_domain("shop.test")
        return tenant, tenant.submit(campaign_of("shop.test", recipients_of(addresses), **changes))

    def test_what_bounces_and_what_waits(self):
        world = self.world(zones=ZONES)
        addresses = [*ENDS_AT_ONCE, *WAITS]
        tenant, campaign_id = self.send(world, [*addresses, "a@bücher.test"])
        report = tenant.wait_report(
            campaign_id,
            lambda r: r["delivered"] + r["bounced"] == len(ENDS_AT_ONCE) + 1 and r["deferred"] == 2,
        )
        self.assertEqual(report["pending"], len(WAITS), report)
        self.assertIn("a@xn--bcher-kva.test", world.accepted())
        def last_lines():
            lines = {line["recipient"]: line for line in world.daemon.delivery_log()}
            return lines if set(lines) >= set(addresses) else None

        last = wait_until(last_lines, 10, "the lines of the log")
        for address, event in ENDS_AT_ONCE.items():
            self.assertEqual(last[address]["event"], event, last[address])
        for address in WAITS:
            self.assertEqual(last[address]["event"], "deferred", last[address])
        self.assertEqual(last["a@null.test"]["enhanced"], "5.1.10", last["a@null.test"])
        self.assertEqual({r.local.partition(":")[0] for r in world.records()
                          if r.recipient == "a@one.test"}, {"127.0.11.1"})  # fmt: skip

    def test_a_host_that_does_not_exist(self):
        world = self.world(zones=ZONES)
        tenant, campaign_id = self.send(world, ["a@nowhere.test"], expires_after="4s")
        report = tenant.wait_finished(campaign_id)
        self.assertEqual(report["bounced"] + report["expired"], 1, report)
        self.assertEqual(world.total(), 0)

    def test_a_name_server_that_never_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            settings = {"dns": {"servers": ["127.0.0.1:%d" % silent.getsockname()[1]],
                                "timeout": "1s"}}  # fmt: skip
            world = self.world(settings=settings)
            started = time.monotonic()
            tenant, campaign_id = self.send(world, ["a@one.test", "b@one.test"])
            report = tenant.wait_report(campaign_id, lambda r: r["deferred"] >= 1)
            self.assertLess(time.monotonic() - started, 15)
            self.assertEqual(report["pending"], 2)
        # Another one is given while the daemon runs.
        world.daemon.settings["dns"]["servers"] = [f"{world.dns.address}:{world.dns.port}"]
        world.daemon.write_configuration()
        self.assertEqual(world.daemon.platform("POST", "/platform/v1/reload").status, 200)
        path = f"/platform/v1/queue/campaigns/{campaign_id}:retry"
        self.assertEqual(world.daemon.platform("POST", path).status, 200)
        report = tenant.wait_finished(campaign_id, 20)
        self.assert_report(report, recipients=2, delivered=2)

    def test_an_mx_in_a_forbidden_network_is_refused(self):
        world = self.world(settings={"delivery": {"forbidden_networks": ["127.0.0.0/8"]}})
        tenant, campaign_id = self.send(world, ["a@one.test"], expires_after="4s")
        report = tenant.wait_finished(campaign_id)
        self.assertEqual(report["delivered"], 0, report)
        lines = wait_until(lambda: world.daemon.delivery_log(recipient="a@one.test"), 5, "a line")
        self.assertEqual(lines[0]["enhanced"], "5.4.4", lines[0])
        self.assertEqual(world.total("sessions"), 0)

    def test_a_route_goes_before_the_dns(self):
        world = self.world()
        route = "127.0.11.2:%d" % world.port
        world.daemon.stop()
        world.daemon.settings["delivery"].update(
            {"routes": {"routed.test": route}, "forbidden_networks": ["127.0.0.0/8"]}
        )
        world.daemon.write_configuration()
        world.daemon.start()
        tenant, campaign_id = self.send(world, ["a@routed.test"])
        report = tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=1, delivered=1)
        self.assertEqual([r.local for r in world.records()], [route])


if __name__ == "__main__":
    main()
