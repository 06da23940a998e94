#!/usr/bin/env python3
"""SIGKILL at random moments under full load: nothing is lost, hardly anything is sent twice.

HK_SEED repeats a run; HK_KILLS and HK_RECIPIENTS change its size.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, csv_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

KILLS = int(os.environ.get("HK_KILLS", "20"))
RECIPIENTS = int(os.environ.get("HK_RECIPIENTS", "50000"))
SEED = int(os.environ.get("HK_SEED", str(random.SystemRandom().randrange(1 << 32))))
DOMAINS = {"one.test": 1, "two.test": 1, "three.test": 2}
FULL_SPEED = {"default": {"connections_max": 20, "connections_initial": 20,
                          "messages_per_connection": 1000}}  # fmt: skip


class Crash(ScenarioTest):
    def test_kills_lose_nothing(self):
        print(f"HK_SEED={SEED}", file=sys.stderr, flush=True)
        choice = random.Random(SEED)
        world = self.world(DOMAINS, shaping=FULL_SPEED)
        tenant = world.daemon.create_tenant()
        tenant.add_domain("shop.test")
        names = list(DOMAINS)
        addresses = [f"user{n}@{names[n % len(names)]}" for n in range(RECIPIENTS)]
        tenant.import_csv(csv_of(["email", "name"], ([a, f"名前{n}"] for n, a in enumerate(addresses))))
        campaign_id = tenant.submit(campaign_of("shop.test"))
        open_at_kills = self.kill_at_random_moments(world, choice)
        report = tenant.wait_finished(campaign_id, 180)
        self.assert_report(report, recipients=RECIPIENTS, delivered=RECIPIENTS)
        twice = self.check_received(world, set(addresses))
        self.assertLessEqual(twice, open_at_kills)
        self.check_log(world, addresses)
        self.assertEqual(world.daemon.stop(), 0)
        print(f"{KILLS} kills, {twice} received twice, {open_at_kills} sessions open at the kills",
              file=sys.stderr)  # fmt: skip

    def kill_at_random_moments(self, world, choice):
        """Kills and starts again; returns how many sessions were open at the kills, all together."""
        # The first kills meet the expansion; the last ones leave something to do.
        marks = sorted(choice.randrange(RECIPIENTS * 9 // 10) for _ in range(KILLS))
        open_sessions = 0
        for mark in marks:
            wait_until(lambda m=mark: world.total() >= m, 120, f"{mark} messages", 0.002)
            time.sleep(choice.random() * 0.05)
            open_sessions += world.total("sessions_open")
            world.daemon.kill9()
            world.daemon.start()
        return open_sessions

    def check_received(self, world, addresses):
        """Who was accepted, and how often; returns how many were accepted again."""
        twice = 0
        accepted = {}
        for number, sink in world.sinks.items():
            records = sink.records()
            last = {record.session: index for index, record in enumerate(records)}
            for index, record in enumerate(records):
                self.assertEqual(record.ending, "accepted")
                accepted.setdefault(record.recipient, []).append(
                    (record, last[record.session] == index)
                )
        self.assertEqual(set(accepted), addresses, "somebody was lost")
        for recipient, times in accepted.items():
            twice += len(times) - 1
            # The same message, and all but the last of them were at the final dot at a kill: nothing
            # came after them in their session.
            self.assertEqual(len({record.message_id for record, _ in times}), 1, recipient)
            times.sort(key=lambda one: one[0].time_ms)
            for record, was_last in times[:-1]:
                self.assertTrue(was_last, record)
        return twice

    def check_log(self, world, addresses):
        """Every recipient has exactly one end in the delivery log."""
        daemon = world.daemon
        lines = wait_until(
            lambda: (found := daemon.delivery_log(event="delivered"))
            and len(found) >= RECIPIENTS and found, 30, "the lines of the log", 0.5)  # fmt: skip
        self.assertEqual(len(lines), RECIPIENTS)
        self.assertEqual({line["recipient"] for line in lines}, set(addresses))


if __name__ == "__main__":
    main()
