"""What the scenario tests share: a test case that opens worlds and shows their logs on failure."""

import sys
import unittest

from hikyaku import Daemon, World
from processes import exit_on_sigterm

_LOG_LINES = 60


class ScenarioTest(unittest.TestCase):
    """Everything opened here is closed when the test ends."""

    maxDiff = 4000

    def world(self, domains=None, **options):
        world = World({"one.test": 1} if domains is None else domains, **options)
        self.addCleanup(world.close)
        self.addCleanup(self._show, world.daemon)
        return world

    def daemon(self, *arguments, **options):
        daemon = Daemon(*arguments, **options)
        self.addCleanup(daemon.close)
        self.addCleanup(self._show, daemon)
        return daemon

    def _show(self, daemon):
        result = self._outcome.result
        failed = any(getattr(test, "test_case", test) is self
                     for test, _ in [*result.failures, *result.errors])  # fmt: skip
        if failed and daemon.process is not None:
            tail = daemon.log().splitlines()[-_LOG_LINES:]
            print(f"--- {self.id()}: the daemon's log", *tail, sep="\n", file=sys.stderr)

    def assert_report(self, report, **expected):
        """Compares these counts of a report; `recipients` and the ends not named must be zero."""
        for end in ("delivered", "bounced", "unknown", "expired", "cancelled", "suppressed",
                    "failed", "pending"):  # fmt: skip
            expected.setdefault(end, 0)
        self.assertEqual({name: report[name] for name in expected}, expected, report)

    def assert_each_once(self, world, addresses):
        """Exactly these recipients were accepted, each once."""
        accepted = world.accepted()
        twice = {address: n for address, n in accepted.items() if n != 1}
        self.assertEqual(twice, {}, "accepted more than once")
        self.assertEqual(set(accepted), set(addresses))

    def assert_no_violation(self, world):
        for sink in world.sinks.values():
            self.assertEqual(sink.stats()["violation_kinds"], {})


def main():
    """Runs the tests of the program."""
    exit_on_sigterm()
    unittest.main(verbosity=2)
