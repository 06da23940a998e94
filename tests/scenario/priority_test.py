#!/usr/bin/env python3
"""One tenant's broadcast does not hold up another tenant's password mail."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

DOMAINS = {"one.test": 1, "two.test": 2}
#: Where the site's limits leave room.
OPEN_P99_S = 1.0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Priority(ScenarioTest):
    def open_world(self, shaping):
        w = self.world(
            DOMAINS, settings={"alignment": {"enforce": False}},
            shaping={"default": shaping}, sink={"options": ["--no-prefix-faults"]},
        )  # fmt: skip
        crowd, shop = w.daemon.create_tenant("Crowd"), w.daemon.create_tenant("Shop")
        crowd.add_domain("crowd.test")
        shop.add_domain("shop.test")
        return w, crowd, shop

    def fill(self, crowd, count):
        rows = [(f"reader{n}@{'one' if n % 2 else 'two'}.test", f"Reader {n}") for n in range(count)]
        self.assertEqual(crowd.import_csv(csv_of(("email", "name"), rows))["created"], count)

    def send_each(self, w, shop, count, every_s, after_first=None):
        """Submits `count` single messages, one every `every_s`; returns the seconds each took until
        the receiver's 250, counted from the moment it was due."""
        due = {}
        begun = time.time() + 0.1
        beside = threading.Thread(target=after_first) if after_first else None
        for n in range(count):
            address = f"user{n}@{'one' if n % 2 else 'two'}.test"
            due[address] = begun + n * every_s
            time.sleep(max(0.0, due[address] - time.time()))
            shop.submit(campaign_of("shop.test", recipients_of([address]), stream="transactional"))
            if beside and n == count // 10:
                beside.start()
        if beside:
            beside.join()
        wait_until(lambda: due.keys() <= self.arrivals(w).keys(), 30, "all single messages", 0.3)
        at = self.arrivals(w)
        return [at[address] - due[address] for address in due]

    def arrivals(self, w):
        """{address: Unix time of its 250} of the single messages."""
        return {r.recipient: r.time_ms / 1000 for r in w.records()
                if r.ending == "accepted" and r.recipient.startswith("user")}  # fmt: skip

    def run_beside(self, w, crowd, shop, count, every_s):
        """The seconds of each single message while the broadcast begins and runs."""
        campaigns = []
        took = self.send_each(w, shop, count, every_s,
                              lambda: campaigns.append(crowd.submit(campaign_of("crowd.test"))))  # fmt: skip
        self.assertEqual(len(campaigns), 1)
        report = crowd.report(campaigns[0])
        self.assertEqual(report["state"], "sending", f"it must outlast the single messages: {report}")
        self.assertGreater(report["pending"], 0)
        self.show(f"beside {report['delivered']} of the broadcast", took)
        crowd.act(campaigns[0], "cancel")
        return took, report["delivered"]

    def show(self, what, took):
        print(f"{len(took)} single messages {what}: p50 {percentile(took, 0.5):.3f} s, "
              f"p99 {percentile(took, 0.99):.3f} s, max {max(took):.3f} s", file=sys.stderr)  # fmt: skip

    def test_a_broadcast_flat_out(self):
        w, crowd, shop = self.open_world({})
        self.fill(crowd, 100_000)
        took, delivered = self.run_beside(w, crowd, shop, 150, 0.1)
        self.assertGreater(delivered, 1000, "the broadcast was hardly running")
        self.assertLessEqual(percentile(took, 0.99), OPEN_P99_S)

    def test_a_site_that_takes_little(self):
        rate, connections = 5, 1
        w, crowd, shop = self.open_world(
            {"message_rate": f"{rate}/s,1", "connections_max": connections,
             "connections_initial": connections}
        )  # fmt: skip
        self.fill(crowd, 2_000)
        # Two sites take turns: each sees a single message every 1.4 s.
        took, delivered = self.run_beside(w, crowd, shop, 20, 0.7)
        self.assertGreater(delivered, rate, "the broadcast was hardly running")
        self.assertLessEqual(percentile(took, 0.99), 2 / rate + 1)


if __name__ == "__main__":
    main()
