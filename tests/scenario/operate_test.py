#!/usr/bin/env python3
"""The operator at work: limits that replies lower, orders, the live dialogue, sources, reload."""

import http.client
import json
import os
import signal
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from processes import Process, wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

SLOW_FOR_S = 12
HALT_FOR_S = 10
#: What the receivers of these tests say, and what is done about it.
RULES = [
    {
        "name": "test-slow",
        "text": ["sending too fast, slow down"],
        "actions": [
            "defer",
            {"back_off": {"message_rate": "2/s", "connections": 1}, "for": f"{SLOW_FOR_S}s"},
        ],
    },
    {
        "name": "test-halt",
        "text": ["not now, ask again later"],
        "actions": ["defer", {"suspend": "source_site", "for": f"{HALT_FOR_S}s"}],
    },
]
#: Nothing is tried again by itself while a test runs.
PATIENT = {"retry": {"steps": ["1h"], "jitter_percent": 0, "expire_after": "3d"}}
HEARTBEAT_S = 5


class Operate(ScenarioTest):
    def start(self, domains=None, **options):
        self.w = self.world(domains or {"one.test": 1, "two.test": 2}, **options)
        self.daemon_ = self.w.daemon
        self.tenant = self.add_tenant("Shop", "shop.test")

    def add_tenant(self, name, domain):
        tenant = self.daemon_.create_tenant(name)
        tenant.add_domain(domain)
        tenant.domain = domain
        return tenant

    def submit(self, addresses, tenant=None, **changes):
        tenant = tenant or self.tenant
        return tenant.submit(campaign_of(tenant.domain, recipients_of(addresses), **changes))

    def platform(self, path, method="GET", body=None, status=200):
        answer = self.daemon_.platform(method, "/platform/v1/" + path, body)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def order(self, kind, name, verb, **body):
        path = f"queue/{kind}/{urllib.parse.quote(name, safe='')}:{verb}"
        return self.platform(path, "POST", body or None)

    def site(self, number):
        """The site of an MX set; None: it is not known yet."""
        found = self.platform(f"queue?site=mx1.mx-{number}.test")["sites"]
        return found[0] if found else None

    def adaptations(self, number):
        site = self.site(number)
        return [] if site is None else [a for p in site["paths"] for a in p["adaptations"]]

    def suspensions(self):
        return self.platform("queue")["suspensions"]

    def cli(self, *arguments):
        done = self.daemon_.run(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def metrics(self):
        text = self.daemon_.platform("GET", "/metrics").body.decode()
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    # --- adaptations -----------------------------------------------------------------------------

    def test_replies_lower_limits_and_suspend_visibly_until_the_end(self):
        recovery = {"quiet": "1s", "step_percent": 50}
        self.start(shaping={"rules": RULES, "adaptation": recovery})
        self.w.sinks[1].command("fault rcpt:450:slow@*:4.7.1 sending too fast, slow down")
        self.w.sinks[2].command("fault rcpt:450:halt@*:4.7.1 not now, ask again later")
        campaign = self.submit(["slow@one.test", "halt@two.test"])
        wait_until(lambda: self.adaptations(1) and self.adaptations(2), 15, "the adaptations")
        self.w.sinks[1].command("clear")
        self.w.sinks[2].command("clear")

        lowered = {a["what"]: a for a in self.adaptations(1)}
        self.assertEqual(set(lowered), {"message_rate", "connections"})
        self.assertEqual(lowered["connections"]["rule"], "test-slow")
        self.assertIn("slow down", lowered["connections"]["reply"])
        self.assertEqual(lowered["connections"]["value"], "1")
        self.assertEqual(lowered["connections"]["configured"], "20")
        self.assertEqual(self.site(1)["window"], 1)
        self.assertIn("slow down", self.site(1)["last_reply"])
        limits = self.site(1)["paths"][0]["limits"]
        self.assertEqual(limits["message_rate"]["count"], 2)
        halted = self.site(2)
        self.assertEqual(halted["health"], "suspended")
        self.assertGreater(halted["resumes_in_ms"], 0)
        self.assertIn("suspension", halted["next_action"])
        began = self.adaptations(2)[0]["began"]

        table = self.cli("queue")
        for part in ("test-slow", "test-halt", "not now, ask again later", "suspended"):
            self.assertIn(part, table)
        self.assertIn("test-halt", self.cli("queue", "history"))
        shaping = self.platform("shaping?domain=one.test")
        self.assertEqual(shaping["limits"]["connections_max"]["value"], 20)
        self.assertEqual(shaping["live"]["sources"][0]["limits"]["connections_max"], 1)
        metrics = self.metrics()
        self.assertEqual(metrics['hikyaku_suspensions{scope="source_site"}'], 1)
        self.assertEqual(metrics['hikyaku_adapted_limits{limit="connections"}'], 1)
        self.assertGreaterEqual(metrics["hikyaku_adaptations_total"], 3)

        self.daemon_.restart()
        wait_until(lambda: self.adaptations(1) and self.adaptations(2), 8, "them after a restart")
        self.assertEqual(self.adaptations(2)[0]["began"], began)
        self.assertEqual({a["rule"] for a in self.adaptations(1)}, {"test-slow"})

        wait_until(lambda: not self.adaptations(1) and not self.adaptations(2), 40, "the end")
        history = self.platform("adaptations")["data"]
        self.assertIn(("ended", "suspended"), {(e["phase"], e["what"]) for e in history})
        report = self.tenant.wait_finished(campaign)
        self.assert_report(report, recipients=2, delivered=2)
        tries = self.daemon_.delivery_log(recipient="halt@two.test")
        self.assertEqual([line["event"] for line in tries], ["deferred", "delivered"])
        self.assertGreaterEqual(seconds_between(tries[0]["ts"], tries[1]["ts"]), HALT_FOR_S - 1)

    # --- orders ----------------------------------------------------------------------------------

    def test_a_site_is_suspended_over_a_restart_and_resumed(self):
        self.start()
        first = self.submit(["first@one.test", "first@two.test"])
        self.tenant.wait_finished(first)
        done = self.cli("queue", "suspend", "--site", "mx2.mx-1.test", "--for", "1h",
                        "--reason", "their maintenance")  # fmt: skip
        self.assertIn("is suspended until", done)
        addresses = [f"user{n}@{d}" for n in range(20) for d in ("one.test", "two.test")]
        campaign = self.submit(addresses)
        self.tenant.wait_report(campaign, lambda r: r["delivered"] == 20)
        self.daemon_.restart()
        held = wait_until(self.suspensions, 10, "the suspension")
        self.assertEqual([(a["rule"], a["reply"]) for a in held],
                         [("operator", "their maintenance")])  # fmt: skip
        self.assertIn("their maintenance", self.cli("queue"))
        self.assertEqual(self.tenant.report(campaign)["pending"], 20)
        self.cli("queue", "resume", "--site", "mx1.mx-1.test")
        report = self.tenant.wait_finished(campaign)
        self.assert_report(report, recipients=40, delivered=40)
        self.assertEqual(self.suspensions(), [])
        self.assert_each_once(self.w, addresses + ["first@one.test", "first@two.test"])

    def test_tenants_and_campaigns_are_suspended_and_resumed(self):
        self.start()
        other = self.add_tenant("Other", "other.test")
        self.order("tenants", other.id, "suspend", duration="1h", reason="unpaid")
        theirs = self.submit([f"b{n}@one.test" for n in range(10)], other)
        ours = self.submit([f"a{n}@one.test" for n in range(10)])
        self.assertEqual(self.tenant.wait_finished(ours)["delivered"], 10)
        self.assertEqual(other.report(theirs)["pending"], 10)
        self.assertEqual([a["tenant"] for a in self.suspensions()], [other.id])
        self.order("tenants", other.id, "resume")
        self.assertEqual(other.wait_finished(theirs)["delivered"], 10)

        # One campaign: its first attempts are deferred, then it is suspended before the others.
        self.w.sinks[1].command("fault rcpt:450:1:4.2.0 later")
        held, free = [self.submit([f"{name}{n}@one.test" for n in range(5)])
                      for name in ("held", "free")]  # fmt: skip
        for campaign in (held, free):
            self.tenant.wait_report(campaign, lambda r: r["deferred"] == 5)
        self.cli("queue", "suspend", "--campaign", held, "--for", "1h")
        self.w.sinks[1].command("clear")
        self.assertEqual(self.tenant.wait_finished(free)["delivered"], 5)
        self.assertEqual(self.tenant.report(held)["pending"], 5)
        self.cli("queue", "resume", "--campaign", held)
        self.assertEqual(self.tenant.wait_finished(held)["delivered"], 5)

    def test_retry_now_by_site_tenant_and_campaign(self):
        self.start(shaping=PATIENT)
        for kind in ("sites", "tenants", "campaigns"):
            with self.subTest(kind=kind):
                self.w.sinks[1].command("fault rcpt:450:1:4.2.0 later")
                campaign = self.submit([f"{kind}{n}@one.test" for n in range(5)])
                self.tenant.wait_report(campaign, lambda r: r["deferred"] == 5)
                self.w.sinks[1].command("clear")
                name = {"sites": "mx1.mx-1.test", "tenants": self.tenant.id,
                        "campaigns": campaign}[kind]  # fmt: skip
                self.order(kind, name, "retry")
                report = self.tenant.wait_finished(campaign, 20)
                self.assert_report(report, recipients=5, delivered=5)

    def test_bounce_by_site_tenant_and_campaign(self):
        self.start(shaping=PATIENT)
        other = self.add_tenant("Other", "other.test")
        for kind, tenant in (("campaigns", self.tenant), ("tenants", other),
                             ("sites", self.tenant)):  # fmt: skip
            with self.subTest(kind=kind):
                self.w.sinks[1].command("fault rcpt:450:1:4.2.0 later")
                addresses = [f"{kind}{n}@one.test" for n in range(5)]
                campaign = self.submit(addresses + [f"{kind}@two.test"], tenant)
                tenant.wait_report(campaign, lambda r: r["deferred"] == 5 and r["delivered"] == 1)
                self.w.sinks[1].command("clear")
                key = {"sites": self.site(1)["site"], "tenants": tenant.id,
                       "campaigns": campaign}[kind]  # fmt: skip
                self.order(kind, key, "bounce", reason="nobody there")
                report = tenant.wait_finished(campaign, 20)
                self.assert_report(report, recipients=6, bounced=5, delivered=1)
                if kind == "sites":
                    lines = wait_until(lambda: self.bounces(addresses), 5, "the lines of the log")
                    self.assertIn("nobody there", lines[0]["reply"])
        self.assertEqual(
            [r.recipient for r in self.w.records() if r.recipient.endswith("@one.test")], []
        )

    def bounces(self, addresses):
        lines = [line for line in self.daemon_.delivery_log(event="bounced")
                 if line.get("recipient") in addresses]  # fmt: skip
        return lines if len(lines) == len(addresses) else None

    def test_orders_are_logged_replayed_and_refused(self):
        self.start()
        self.tenant.wait_finished(self.submit(["first@one.test"]))
        key = self.site(1)["site"]
        self.assertIn(",", key)
        path = f"/platform/v1/queue/sites/{urllib.parse.quote(key, safe='')}:suspend"
        answers = [
            self.daemon_.platform("POST", path, {"duration": "1h"},
                                  headers={"Idempotency-Key": "once"})
            for _ in range(2)
        ]  # fmt: skip
        self.assertEqual([a.status for a in answers], [200, 200])
        self.assertEqual(answers[1].headers["Idempotency-Replayed"], "true")
        self.assertEqual(answers[0].json["site"], key)
        for kind, name in (("sites", "none.test"), ("tenants", "tnt_x"), ("campaigns", "cmp_x")):
            self.platform(f"queue/{kind}/{name}:resume", "POST", status=404)
        self.platform(f"queue/tenants/{self.tenant.id}:suspend", "POST", {}, status=422)
        self.assertEqual(self.daemon_.run("queue", "resume").returncode, 2)

    # --- the live dialogue -----------------------------------------------------------------------

    def test_the_dialogue_is_shown_live_without_bodies(self):
        self.start()
        self.tenant.wait_finished(self.submit(["first@one.test"]))
        output = self.daemon_.directory.file("trace.txt")
        errors = self.daemon_.directory.file("trace.err")
        with open(output, "wb") as out, open(errors, "wb") as err:
            follower = Process(
                [self.daemon_.binary, "trace", "mx1.mx-1.test"], errors + ".log",
                env=self.daemon_.environment(), stdout=out, stderr=err,
            )  # fmt: skip
        self.addCleanup(follower.close)
        wait_until(lambda: "listening" in read(errors), 10, "the listener")
        self.tenant.wait_finished(self.submit(["secret@one.test", "secret@two.test"]))
        wait_until(lambda: "bytes of message" in read(output), 10, "the dialogue")
        wait_until(lambda: read(output).count("<- 250") >= 3, 10, "the replies")
        text = read(output)
        self.assertRegex(text, r"\d\d:\d\d:\d\d\.\d{3}  #\d+  -> MAIL FROM:<")
        self.assertRegex(text, r"-> RCPT TO:<secret@one\.test>")
        self.assertRegex(text, r"<- 250 ")
        self.assertRegex(text, r"-> \([\d,]+ bytes of message\)")
        self.assertNotIn("two.test", text)
        self.assertNotIn("this is the news", text)
        self.assertNotIn("Subject:", text)
        follower.signal(signal.SIGINT)
        self.assertIsNotNone(follower.popen.wait(5))

    def test_listeners_get_heartbeats_and_are_bounded(self):
        self.start({"one.test": 1})
        streams = []
        self.addCleanup(lambda: [s.close() for s in streams])

        def listen():
            connection = http.client.HTTPConnection(*self.daemon_.platform_address, timeout=20)
            streams.append(connection)
            connection.request("GET", "/platform/v1/trace?site=mx1.mx-1.test",
                               headers={"Authorization": "Bearer " + self.daemon_.token})  # fmt: skip
            return connection.getresponse()

        first = listen()
        self.assertEqual(first.status, 200)
        self.assertEqual(first.headers["Content-Type"], "text/event-stream")
        self.assertTrue(first.readline().startswith(b": listening"))
        first.readline()
        begun = time.monotonic()
        self.assertEqual(first.readline(), b": still here\n")
        self.assertGreater(time.monotonic() - begun, HEARTBEAT_S - 2)
        for _ in range(15):
            self.assertEqual(listen().status, 200)
        refused = listen()
        self.assertEqual(refused.status, 503)
        self.assertEqual(json.loads(refused.read())["code"], "too_many_listeners")
        self.assertIsNotNone(refused.headers["Retry-After"])
        for stream in streams:
            stream.close()
        streams.clear()
        wait_until(lambda: listen().status == 200, 15, "a place for a listener")

    def test_sessions_are_listed_while_they_last(self):
        self.start({"one.test": 1}, sink={"options": ["--delay", "rcpt:500"]})
        campaign = self.submit([f"user{n}@one.test" for n in range(20)])

        def busy():
            return [s for s in self.platform("sessions?site=mx2.mx-1.test")["data"]
                    if s["state"] == "sending"]  # fmt: skip

        session = wait_until(busy, 15, "a session that sends")[0]
        self.assertEqual(session["site"], self.site(1)["site"])
        self.assertIn("sending", self.cli("sessions"))
        self.assertEqual(self.platform("sessions?site=none.test")["data"], [])
        self.tenant.wait_finished(campaign)

    # --- sources ---------------------------------------------------------------------------------

    def two_sources(self, weights):
        return {
            "sources": [{"name": "a", "address_v4": "127.0.0.1"},
                        {"name": "b", "address_v4": "127.0.0.2"}],
            "pools": {"default": [{"source": n, "weight": w} for n, w in weights.items()]},
        }  # fmt: skip

    def used_addresses(self):
        """{source address: accepted messages} by what the receiver saw."""
        counts = {}
        for sample in self.w.samples():
            address = sample.envelope["peer"].rpartition(":")[0]
            counts[address] = counts.get(address, 0) + 1
        return counts

    def test_sources_share_by_weight_and_a_retry_keeps_its_source(self):
        # As long as no source is at its limits: then the others take what it can't.
        settings = self.two_sources({"a": 3, "b": 1}) | {"delivery": {"batch": 1}}
        wide = {"connections_max": 200, "connections_initial": 200}
        self.start({"one.test": 1}, settings=settings, shaping={"default": wide},
                   sink={"options": ["--greylist"], "samples": 1})  # fmt: skip
        addresses = [f"user{n}@one.test" for n in range(200)]
        report = self.tenant.wait_finished(self.submit(addresses))
        self.assert_report(report, recipients=200, delivered=200)
        counts = self.used_addresses()
        self.assertEqual(set(counts), {"127.0.0.1", "127.0.0.2"})
        self.assertEqual(sum(counts.values()), 200)
        self.assertAlmostEqual(counts["127.0.0.1"] / 200, 0.75, delta=0.1)

        def logged():
            lines = self.daemon_.delivery_log(event="delivered")
            return len(lines) == 200

        wait_until(logged, 15, "the log's last lines")
        tries = {}
        for line in self.daemon_.delivery_log():
            tries.setdefault(line["recipient"], []).append((line["event"], line["source"]))
        for recipient, its in tries.items():
            self.assertEqual([event for event, _ in its], ["deferred", "delivered"], recipient)
            self.assertEqual(its[0][1], its[1][1], recipient)

    def test_a_reload_changes_sources_and_limits_and_drops_no_session(self):
        settings = self.two_sources({"a": 1})
        settings["sources"] = settings["sources"][:1]
        self.start({"one.test": 1}, settings=settings, sink={
            "options": ["--delay", "rcpt:100"], "samples": 1,
        }, shaping={"default": {"connections_max": 2, "connections_initial": 2}})  # fmt: skip
        addresses = [f"user{n}@one.test" for n in range(150)]
        campaign = self.submit(addresses)
        self.tenant.wait_report(campaign, lambda r: r["delivered"] >= 10)
        self.assertEqual(len(self.platform("sessions")["data"]), 2)
        before = {s["id"] for s in self.platform("sessions")["data"]}

        self.daemon_.settings.update(self.two_sources({"a": 1, "b": 1}))
        self.daemon_.shaping["default"].update(connections_max=6, connections_initial=6)
        self.daemon_.write_configuration()
        self.daemon_.hup()
        wait_until(lambda: {p["source"]: p["limits"]["connections_max"]
                            for p in self.site(1)["paths"]} == {"a": 6, "b": 6},
                   15, "the new limits")  # fmt: skip
        self.assertLessEqual(before, {s["id"] for s in self.platform("sessions")["data"]})
        wait_until(lambda: len(self.platform("sessions")["data"]) > 2, 15, "more sessions")
        report = self.tenant.wait_finished(campaign)
        self.assert_report(report, recipients=150, delivered=150)
        self.assertEqual(report["attempts"], 150, "no attempt was cut")
        self.assert_each_once(self.w, addresses)
        self.assertGreater(self.used_addresses().get("127.0.0.2", 0), 10)

        # Down to one source again: its mail goes on from the other one.
        self.daemon_.settings.update(self.two_sources({"b": 1}))
        self.daemon_.settings["sources"] = self.daemon_.settings["sources"][1:]
        self.daemon_.write_configuration()
        self.daemon_.hup()
        wait_until(lambda: {p["source"] for p in self.site(1)["paths"]} == {"b"}, 15, "source b")
        more = [f"more{n}@one.test" for n in range(10)]
        self.assertEqual(self.tenant.wait_finished(self.submit(more))["delivered"], 10)
        self.assertEqual({line["source"] for line in self.daemon_.delivery_log()
                          if line["recipient"] in more}, {"b"})  # fmt: skip


def read(path):
    with open(path, errors="replace") as text:
        return text.read()


def seconds_between(first, second):
    """Of two RFC 3339 times of the same zone."""
    def read_time(text):
        whole = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
        return time.mktime(whole) + float("0" + text[19:23])

    return read_time(second) - read_time(first)


if __name__ == "__main__":
    main()
