#!/usr/bin/env python3
"""Receivers that refuse, hang up, or go silent at each step: every recipient has one true end."""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import ENDS, campaign_of, count_by, recipients_of  # noqa: E402
from processes import Peer, wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402
from smtp_peers import SmtpSink  # noqa: E402

EXPIRES = "8s"
PEOPLE = 5


class Listener(Peer):
    """A TCP server whose connections are handled by `talk(socket)`, each on a thread."""

    def __init__(self, talk):
        super().__init__()
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self._talk(connection)
            except OSError:
                pass  # the client hung up: what it makes of it is what the test looks at

    def _close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def garbage(connection):
    connection.sendall(bytes(range(128, 256)) * 4 + b"\r\n")
    connection.recv(4096)


def endless_line(connection):
    for _ in range(10_000):
        connection.sendall(b"220-" + b"x" * 1020)


def endless_lines(connection):
    for _ in range(100_000):
        connection.sendall(b"220-x\r\n" * 100)


def many_codes(connection):
    connection.sendall(b"220 ok\r\n")
    connection.recv(4096)
    connection.sendall(b"250-one\r\n550 two\r\n")
    connection.recv(4096)


def says_nothing(connection):
    while connection.recv(4096):
        pass


class Faults(ScenarioTest):
    def start(self, domains, **options):
        self.w = self.world(domains, **options)
        self.tenant = self.w.daemon.create_tenant()
        self.tenant.add_domain("shop.test")

    def send(self, addresses, deadline_s=60, **changes):
        """The report of a campaign to these addresses."""
        self.campaign_id = self.tenant.submit(
            campaign_of("shop.test", recipients_of(addresses), **changes)
        )
        return self.tenant.wait_finished(self.campaign_id, deadline_s)

    def events(self):
        """{recipient: [event of each attempt]} by the delivery log."""
        def complete():
            lines = self.w.daemon.delivery_log(campaign=self.campaign_id)
            ends = sum(line.get("count", 1) for line in lines if line["event"] in ENDS
                       and not (line["event"] == "unknown" and line.get("next_try")))
            report = self.tenant.report(self.campaign_id)
            return lines if ends >= report["recipients"] else None

        found = {}
        for line in wait_until(complete, 15, "the log's last lines"):
            if "recipient" in line:
                found.setdefault(line["recipient"], []).append(line["event"])
        return found

    def test_smtp_sink_at_each_command(self):
        commands = {"connect": "CONNECT", "ehlo": "EHLO,HELO", "mail": "MAIL", "rcpt": "RCPT",
                    "data": "DATA", "dot": ".", "quit": "QUIT"}  # fmt: skip
        first = {}
        routes = {}
        for option in "rfqQ":
            for name, command in commands.items():
                peer = SmtpSink(options=["-" + option, command])
                self.addCleanup(peer.close)
                domain = f"{option.lower() + option.lower() if option == 'Q' else option}-{name}.test"
                routes[domain] = f"127.0.0.1:{peer.port}"
                if name == "quit":
                    first[domain] = "delivered"
                elif option == "q" and name == "dot":
                    first[domain] = "unknown"
                elif option == "f" and name in ("mail", "rcpt", "data", "dot"):
                    first[domain] = "bounced"
                else:
                    first[domain] = "deferred"
        self.start({"one.test": 1}, settings={"delivery": {"routes": routes}})
        addresses = [f"a@{domain}" for domain in first]
        report = self.send(addresses, expires_after=EXPIRES)
        ends = {"delivered": 0, "bounced": 0, "unknown": 0, "expired": 0}
        for event in first.values():
            ends["expired" if event == "deferred" else event] += 1
        events = self.events()
        got = {address.partition("@")[2]: log[0] for address, log in events.items()}
        self.assertEqual(got, first)
        self.assert_report(report, recipients=len(addresses), **ends)
        for address, log in events.items():
            if log[0] == "deferred" and "-connect" not in address and "ehlo" not in address:
                self.assertGreaterEqual(log.count("deferred"), 2, (address, log))

    def test_the_ends_of_sink_faults(self):
        self.start({"one.test": 1, "two.test": 2}, sink={"options": ["--record-sha256"]})
        prefixes = {
            "fine": "delivered", "bounce": "bounced", "full": None, "listed": None,
            "defer-once": "delivered", "bounce-dot": "bounced", "drop-dot-once": "delivered",
            "defer": "expired", "defer-dot": "expired", "drop-rcpt": "expired",
            "drop-data": "expired", "drop-body": None, "drop-dot": "unknown",
        }  # fmt: skip
        addresses = [f"{prefix}-{n}@{domain}" for prefix in prefixes for n in range(PEOPLE)
                     for domain in ("one.test", "two.test")]  # fmt: skip
        report = self.send(addresses, expires_after=EXPIRES)
        self.assertEqual(report["recipients"], len(addresses))
        self.assertEqual(report["pending"], 0)
        last = {address: log[-1] for address, log in self.events().items()}
        records = self.w.records()
        accepted = count_by(records, "accepted")
        for address in addresses:
            local = address.partition("@")[0].rpartition("-")[0]
            expected = prefixes[local]
            with self.subTest(address=address):
                self.assertEqual(accepted.get(address, 0), 1 if expected == "delivered" else 0)
                if expected == "expired":  # some of them together: one line with a count
                    self.assertIn(last[address], ("deferred", "expired"))
                elif expected is not None:
                    self.assertEqual(last[address], expected)
        each = 2 * PEOPLE
        self.assertEqual(report["delivered"], 3 * each)
        # Who hangs up in the body may have had the dot in the same packet: the sender can't know.
        self.assertGreaterEqual(report["unknown"], each)
        self.assertLessEqual(report["unknown"], 2 * each)
        self.check_repeated_bytes(records)

    def check_repeated_bytes(self, records):
        """After a lost reply the same octets come again."""
        by_recipient = {}
        for record in records:
            if record.recipient.startswith("drop-dot-"):
                by_recipient.setdefault(record.recipient, []).append(record)
        self.assertEqual(len(by_recipient), 4 * PEOPLE)
        for recipient, tries in by_recipient.items():
            self.assertGreaterEqual(len(tries), 2, recipient)
            self.assertEqual(len({(r.sha256, r.message_id, r.size) for r in tries}), 1, recipient)
            self.assertNotEqual(tries[0].sha256, "-")

    def test_busy_servers_cost_no_attempts(self):
        self.start({"one.test": 1, "two.test": 2})
        self.w.sinks[1].command("fault banner:421:1.0:4.3.2 Busy")
        addresses = [f"user{n}@{d}" for n in range(200) for d in ("one.test", "two.test")]
        self.campaign_id = self.tenant.submit(campaign_of("shop.test", recipients_of(addresses)))
        self.tenant.wait_report(self.campaign_id, lambda r: r["delivered"] == 200)
        wait_until(lambda: self.w.sinks[1].stats()["sessions"] >= 3, 20, "tries at the busy site")
        report = self.tenant.report(self.campaign_id)
        self.assertLess(report["attempts"], 200 + 60, report)
        self.assertEqual(report["pending"], 200)
        self.w.sinks[1].command("clear")
        report = self.tenant.wait_finished(self.campaign_id)
        self.assert_report(report, recipients=400, delivered=400)
        self.assert_each_once(self.w, addresses)

    def test_servers_that_talk_nonsense(self):
        talks = {"garbage": garbage, "line": endless_line, "lines": endless_lines,
                 "codes": many_codes, "silent": says_nothing}  # fmt: skip
        routes = {}
        for name, talk in talks.items():
            listener = Listener(talk)
            self.addCleanup(listener.close)
            routes[f"{name}.test"] = f"127.0.0.1:{listener.port}"
        timeouts = {name: "1s" for name in ("banner", "ehlo", "mail", "rcpt", "data", "final_dot")}
        self.start({"one.test": 1},
                   settings={"delivery": {"routes": routes, "timeouts": timeouts}})  # fmt: skip
        addresses = [f"a@{domain}" for domain in routes] + ["fine@one.test"]
        report = self.send(addresses, expires_after=EXPIRES)
        self.assert_report(report, recipients=len(addresses), delivered=1, expired=len(routes))
        for line in self.w.daemon.delivery_log(event="deferred"):
            self.assertLess(len(line.get("reply", "")), 2000)

    def test_random_faults_lose_and_repeat_nothing(self):
        faults = ["--fault", "rcpt:450:0.1", "--fault", "dot:451:0.1", "--close-at", "data:0.05",
                  "--close-at", "mail:0.05", "--fault", "mail:421:0.02"]  # fmt: skip
        self.start({"one.test": 1, "two.test": 2}, sink={"options": faults})
        addresses = [f"user{n}@{d}" for n in range(400) for d in ("one.test", "two.test")]
        report = self.send(addresses, 120)
        self.assert_report(report, recipients=800, delivered=800)
        self.assert_each_once(self.w, addresses)
        self.assertGreater(report["attempts"], 850)


if __name__ == "__main__":
    main()
