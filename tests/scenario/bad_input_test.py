#!/usr/bin/env python3
"""What is wrong is refused with a reason that says where, and nothing is lost by it."""

import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import World, campaign_of, recipients_of, to_yaml  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

JSON = {"Content-Type": "application/json"}
DISK_FULL = "16000GB"


def peak_rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


class OverHttp(ScenarioTest):
    @classmethod
    def setUpClass(cls):
        cls.w = World({"one.test": 1})
        cls.addClassCleanup(cls.w.close)
        cls.daemon = cls.w.daemon
        cls.tenant = cls.daemon.create_tenant()
        cls.tenant.add_domain("shop.test")

    def refused(self, status, code, method, path, body, headers=None, pointer=None):
        answer = self.tenant.ask(method, path, body, headers=headers)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"].partition(";")[0], "application/problem+json")
        if code is not None:
            self.assertEqual(answer.code, code, answer)
        if pointer is not None:
            self.assertIn(pointer, answer.errors(), answer)
        for member in ("type", "title", "status", "detail", "instance"):
            self.assertTrue(answer.json.get(member), answer)
        return answer

    def test_bodies_that_are_no_json(self):
        rows = {
            "not json": b"name=x",
            "cut off": b'{"name": "x"',
            "trailing": b'{"name": "x"} {}',
            "duplicate key": b'{"name": "x", "name": "y", "type": "text"}',
            "not a number": b'{"name": NaN}',
            "infinity": b'{"name": 1e999}',
            "invalid utf-8": b'{"name": "\xff\xfe", "type": "text"}',
            "overlong": b'{"name": "\xc0\xaf", "type": "text"}',
            "surrogate": b'{"name": "\xed\xa0\x80", "type": "text"}',
            "lone escape": b'{"name": "\\ud800", "type": "text"}',
            "deep": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
            "empty": b"",
            "comment": b'{"name": "x" /* y */}',
        }
        for name, body in rows.items():
            with self.subTest(name):
                answer = self.tenant.ask("POST", "/v1/fields", body, headers=JSON)
                self.assertEqual(answer.status, 400, answer)
                self.assertTrue(answer.code)
        self.assertEqual(
            self.tenant.ask("POST", "/v1/fields", b"{}", headers={"Content-Type": "text/plain"}).status,
            415,
        )

    def test_members_that_are_wrong(self):
        rows = [
            ({"name": "x", "type": "text", "colour": 1}, "/colour"),
            ({"name": 5, "type": "text"}, "/name"),
            ({"name": "x", "type": ["text"]}, "/type"),
            ({"name": "x", "type": "colour"}, "/type"),
            ({"type": "text"}, "/name"),
            ({"name": "x" * 10_000, "type": "text"}, "/name"),
        ]
        for body, pointer in rows:
            with self.subTest(pointer=pointer):
                self.refused(422, None, "POST", "/v1/fields", body, pointer=pointer)
        self.refused(422, None, "POST", "/v1/fields", [], None)

    def test_a_body_of_50_megabytes(self):
        body = b'{"name":"' + b"x" * (50 << 20) + b'"}'
        with socket.create_connection(self.daemon.api_address, timeout=30) as connection:
            head = (f"POST /v1/fields HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.tenant.key}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
            connection.sendall(head.encode())
            try:
                connection.sendall(body)
            except OSError:
                pass  # it need not read what it will not take
            answer = connection.recv(4096)
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        self.assertLess(peak_rss_kb(self.daemon.process.pid), 400_000)
        self.assertEqual(self.tenant.ask("GET", "/v1/fields").status, 200)

    def test_requests_that_are_no_http(self):
        rows = [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                b"POST /v1/fields HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
                b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n" * 1000]  # fmt: skip
        for row in rows:
            with self.subTest(row[:40]), socket.create_connection(
                self.daemon.api_address, timeout=30
            ) as connection:
                connection.sendall(row)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
                self.assertTrue(answer == b"" or answer.split(b" ")[1][:1] == b"4", answer[:200])
        self.assertEqual(self.tenant.ask("GET", "/v1/fields").status, 200)

    def test_addresses(self):
        rows = [("plain", 422), ("@one.test", 422), ("a@", 422), ("a b@one.test", 422),
                ("a@one.test\r\nBcc: x@y.test", 422), ("a@one..test", 422), ("a\u0000@one.test", 422),
                ("x" * 65 + "@one.test", 422), ("a@" + "x" * 64 + ".test", 422),
                ("dots..and.@docomo.ne.jp", 201), ("dots..and.@one.test", 422), ('"quoted local"@one.test', 201),
                ("a@bücher.test", 201), ("a@日本語.test", 201), ("a+b@one.test", 201)]  # fmt: skip
        for address, status in rows:
            with self.subTest(address):
                answer = self.tenant.ask("POST", "/v1/contacts", {"fields": {"email": address}})
                self.assertEqual(answer.status, status, answer)
                if status == 422:
                    self.assertIn("/fields/email", answer.errors())

    def test_contacts(self):
        self.refused(422, None, "POST", "/v1/contacts",
                     {"fields": {"email": "x@one.test", "nme": "y"}}, pointer="/fields/nme")  # fmt: skip
        self.refused(422, None, "POST", "/v1/contacts", {"fields": {"email": 5}},
                     pointer="/fields/email")  # fmt: skip
        self.refused(404, "not_found", "GET", "/v1/contacts/con_nonsense", None)
        self.refused(404, "not_found", "GET", "/v1/nothing", None)
        self.refused(405, None, "DELETE", "/v1/campaigns", None)
        self.refused(422, None, "GET", "/v1/contacts?limit=many", None)
        self.refused(422, None, "GET", "/v1/contacts?colour=red", None)

    def test_template_errors_name_line_and_column(self):
        good = campaign_of("shop.test", recipients_of(["a@one.test"]))
        rows = [
            ({"text": "one\ntwo {{ name | upcas }}"}, "/text", "2:"),
            ({"text": "{% if name %}x"}, "/text", "1:"),
            ({"html": "<p>\n\n{% tablerow x in y %}"}, "/html", "3:"),
            ({"text": "{{ 'open }}"}, "/text", "1:"),
        ]
        for change, pointer, place in rows:
            with self.subTest(change):
                answer = self.refused(422, None, "POST", "/v1/campaigns", good | change,
                                      pointer=pointer)  # fmt: skip
                self.assertIn(place, answer.errors()[pointer])

    def test_campaigns(self):
        good = campaign_of("shop.test", recipients_of(["a@one.test"]))
        rows = [
            ({"from": {"email": "news@elsewhere.test"}}, "/from/email"),
            ({"from": {"email": "no address"}}, "/from/email"),
            ({"from": {"email": "news@shop.test", "name": "x\r\nBcc: y@z.test"}}, "/from/name"),
            ({"reply_to": "x"}, "/reply_to"),
            ({"headers": {"X-A\r\nBcc": "x"}}, None),
            ({"headers": {"X-A": "x\r\nBcc: y@z.test"}}, None),
            ({"headers": {"Bcc": "y@z.test"}}, None),
            ({"headers": {"From": "y@z.test"}}, None),
            ({"headers": {"X-A": 5}}, "/headers/X-A"),
            ({"audience": {}}, "/audience"),
            ({"audience": {"where": {"all": []}, "contacts": []}}, "/audience"),
            ({"audience": {"segment": "seg_1"}}, "/audience/segment"),
            ({"audience": {"where": {"field": "nme", "op": "eq", "value": 1}}}, None),
            ({"audience": {"contacts": ["con_nonsense"]}}, "/audience/contacts/0"),
            ({"audience": {"upload": "upl_nonsense"}}, "/audience/upload"),
            ({"send_at": "tomorrow"}, "/send_at"),
            ({"expires_after": "-1h"}, "/expires_after"),
            ({"charset": "shift_jis"}, "/charset"),
            ({"tracking": {"opens": True}}, "/tracking/opens"),
            ({"subjcet": "x"}, "/subjcet"),
        ]
        for change, pointer in rows:
            with self.subTest(change):
                self.refused(422, None, "POST", "/v1/campaigns", good | change, pointer=pointer)
        for missing in ("name", "from", "subject", "audience"):
            body = {name: value for name, value in good.items() if name != missing}
            self.refused(422, None, "POST", "/v1/campaigns", body, pointer="/" + missing)
        self.refused(422, None, "POST", "/v1/campaigns", good | {"text": ""})

    def test_one_render_error_is_one_failed_recipient(self):
        given = {"recipients": [
            {"email": f"r{n}@one.test", "variables": {"n": n}} for n in (1, 0, 2)
        ]}  # fmt: skip
        campaign = campaign_of("shop.test", given, text="{{ 10 | divided_by: n }}",
                               variables={"n": 1}, subject="x")  # fmt: skip
        campaign_id = self.tenant.submit(campaign)
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=3, delivered=2, failed=1)
        lines = wait_until(lambda: self.daemon.delivery_log(campaign=campaign_id, event="failed"),
                           10, "the failed one in the log")  # fmt: skip
        self.assertEqual([line["recipient"] for line in lines], ["r0@one.test"])
        self.assertIn("1:", lines[0]["reply"])

    def test_csv(self):
        header = "email,name\n"
        rows = {
            "wrong column count": (header + "c1@one.test,x\nc2@one.test\nc3@one.test,x,y\nc4@one.test,z\n", 2, 2),
            "bad quote": (header + 'c5@one.test,"open\nc6@one.test,x\n', None, None),
            "bad address": (header + "nobody\nc7@one.test,x\n", 1, 1),
            "byte order mark": ("\ufeff" + header + "c8@one.test,x\n", 1, 0),
            "crlf and quotes": ('email,name\r\nc9@one.test,"a ""b"", c\r\nd"\r\n', 1, 0),
        }
        for name, (text, created, rejected) in rows.items():
            with self.subTest(name):
                job = self.tenant.wait_job(self.tenant.start_import(text))
                self.assertEqual(job["state"], "done", job)
                if created is None:
                    self.assertGreaterEqual(job["counts"]["rejected"], 1, job)
                else:
                    self.assertEqual((job["counts"]["created"], job["counts"]["rejected"]),
                                     (created, rejected), job)  # fmt: skip
                if job["counts"]["rejected"]:
                    errors = self.tenant.need(200, "GET", job["errors_url"])
                    self.assertIn("text/csv", errors.headers["Content-Type"])
                    self.assertGreaterEqual(len(errors.body.splitlines()), 2)
        found = self.tenant.need(200, "GET", "/v1/contacts/by/email/c9@one.test").json
        self.assertEqual(found["fields"]["name"].replace("\r\n", "\n"), 'a "b", c\nd')
        csv = {"Content-Type": "text/csv"}
        self.refused(422, None, "POST", "/v1/contacts:import", b"", csv)
        self.refused(422, None, "POST", "/v1/contacts:import", b"name\nx\n", csv)
        self.refused(422, None, "POST", "/v1/contacts:import", b"email,email\nx,y\n", csv)
        self.refused(422, None, "POST", "/v1/contacts:import?mode=all", b"email\n", csv)
        answer = self.tenant.ask("POST", "/v1/contacts:import", b"email\n\xff\xfe@one.test\n", headers=csv)
        if answer.status == 202:
            job = self.tenant.wait_job(answer.json["job_id"])
            self.assertTrue(job["state"] == "failed" or job["counts"]["rejected"] == 1, job)
        else:
            self.assertEqual(answer.status, 422, answer)

    def test_keys(self):
        for header in (None, "Bearer", "Bearer x", "Bearer hk_0_0", "Basic eDp5", "Bearer " + "x" * 5000):
            with self.subTest(header):
                headers = {} if header is None else {"Authorization": header}
                answer = self.daemon.api("GET", "/v1/fields", headers=headers)
                self.assertEqual(answer.status, 401, answer)
                self.assertIn("WWW-Authenticate", answer.headers)
        self.assertEqual(self.daemon.api("GET", "/v1/fields", key=self.daemon.token).status, 401)
        answer = self.daemon.platform("GET", "/platform/v1/tenants", key=self.tenant.key)
        self.assertEqual(answer.status, 401, answer)


class LargeFiles(ScenarioTest):
    def test_memory_does_not_grow_with_the_csv(self):
        """The first file fills what has a bound (memtables, caches); the second is four times as
        large, and all of it is written."""
        store = {"memtables": "16MB", "block_cache": "8MB", "wal_max": "16MB"}
        w = self.world(settings={"store": store})
        tenant = w.daemon.create_tenant()

        def import_mb(megabytes, prefix):
            rows = megabytes * 500
            body = b"email,name\n" + b"".join(
                b"%s%d@one.test,%s\n" % (prefix, n, (b"%07d " % n) * 245) for n in range(rows)
            )
            counts = tenant.import_csv(body)
            self.assertEqual((counts["created"], counts["rejected"]), (rows, 0), counts)
            return len(body)

        import_mb(16, b"a")
        before = peak_rss_kb(w.daemon.process.pid)
        size = import_mb(64, b"b")
        grown = (peak_rss_kb(w.daemon.process.pid) - before) * 1024
        self.assertLess(grown, size // 4)


class TooManyRequests(ScenarioTest):
    def test_a_key_is_held_to_its_rate_and_another_is_not(self):
        limits = {"requests_per_s": 2, "requests_burst": 5}
        w = self.world(settings={"limits": limits})
        hasty, calm = w.daemon.create_tenant("Hasty"), w.daemon.create_tenant("Calm")
        answers = [hasty.ask("GET", "/v1/fields") for _ in range(20)]
        self.assertEqual([a.status for a in answers[:5]], [200] * 5)
        for answer in answers:
            self.assertEqual(answer.headers["RateLimit-Policy"], '"key";q=5;w=3')
            self.assertRegex(answer.headers["RateLimit"], r'^"key";r=[0-4];t=[1-3]$')
        refused = [a for a in answers if a.status == 429]
        self.assertGreater(len(refused), 5, answers)
        for answer in refused:
            self.assertEqual(answer.code, "rate_limited")
            self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertEqual(calm.ask("GET", "/v1/fields").status, 200)
        status = hasty.ask("POST", "/v1/contacts:import", b"x" * 5_000_000,
                           headers={"Content-Type": "text/csv"}).status  # fmt: skip
        self.assertIn(status, (429, 422))
        wait_until(lambda: hasty.ask("GET", "/v1/fields").status == 200, 10, "the rate again", 0.6)


class Configuration(ScenarioTest):
    def serve(self, daemon):
        """Starts a daemon that must not start; returns its exit code and what it said."""
        done = subprocess.run(
            [daemon.binary, "serve", "--config", daemon.config_file], capture_output=True, text=True,
            timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def test_mistakes_are_named_with_their_line(self):
        rows = {
            "unknown key": ("data_dri: /x\n", ":1:", "data_dir"),
            "nested": ("hostname: a.test\napi:\n  adress: 127.0.0.1:1\n", ":3:", "address"),
            "bad port": ("api:\n  address: 127.0.0.1:99999\n", ":2:", "address"),
            "not a duration": ("\n\ndns:\n  timeout: soon\n", ":4:", "timeout"),
            "twice": ("hostname: a\nhostname: b\n", ":2:", "hostname"),
            "no yaml": ("a: [1, 2\nb: }\n", ":", ""),
            "tab": ("api:\n\taddress: x\n", ":2:", ""),
            "public without tls": ("api:\n  address: 0.0.0.0:8025\n", ":2:", "allow_plaintext"),
        }
        daemon = self.daemon(start=False)
        for name, (text, place, word) in rows.items():
            with self.subTest(name):
                daemon.directory.file("hikyaku.yaml", text)
                for command in ("serve", "check"):
                    done = subprocess.run(
                        [daemon.binary, command, "--config", daemon.config_file],
                        capture_output=True, text=True, timeout=60, check=False,
                        stdin=subprocess.DEVNULL,
                    )  # fmt: skip
                    said = done.stdout + done.stderr
                    self.assertEqual(done.returncode, 2, said)
                    self.assertIn("hikyaku.yaml" + place, said)
                    self.assertIn(word, said)

    def test_a_good_configuration_passes_the_check(self):
        daemon = self.daemon(start=False)
        done = daemon.run("check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_files_that_are_not_what_they_should_be(self):
        daemon = self.daemon(start=False)
        rows = [
            ({"master_key_file": "/nonexistent/master.key", "create_master_key": False}, "master_key"),
            ({"platform_token_file": "/nonexistent/token"}, "platform_token_file"),
            ({"shaping": "/nonexistent/shaping.yaml"}, "shaping"),
            ({"bounce_rules": "/nonexistent/rules.yaml"}, "rules.yaml"),
        ]
        for changes, word in rows:
            with self.subTest(word):
                broken = daemon.settings | changes
                daemon.directory.file("hikyaku.yaml", to_yaml(broken))
                code, said = self.serve(daemon)
                self.assertIn(code, (1, 2))
                self.assertIn(word, said)
        key = daemon.directory.file("short.key", b"x" * 5, 0o600)
        daemon.directory.file("hikyaku.yaml", to_yaml(daemon.settings | {"master_key_file": key}))
        self.assertNotEqual(self.serve(daemon)[0], 0)

    def test_a_data_directory_of_another_version(self):
        daemon = self.daemon()
        self.assertEqual(daemon.stop(), 0)
        path = os.path.join(daemon.data_dir, "store", "VERSION")
        with open(path, encoding="ascii") as file:
            before = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write(before.replace("format 1", "format 999"))
        code, said = self.serve(daemon)
        self.assertEqual(code, 1, said)
        self.assertIn("another version", said)
        with open(path, "w", encoding="ascii") as file:
            file.write(before)
        daemon.start()

    def test_two_daemons_on_one_directory(self):
        daemon = self.daemon()
        code, said = self.serve(daemon)
        self.assertEqual(code, 1, said)
        self.assertTrue(daemon.is_ready())


class DiskNearlyFull(ScenarioTest):
    def test_nothing_is_taken_and_nothing_is_sent(self):
        world = self.world(shaping={"default": {"message_rate": "20/s"}})
        daemon = world.daemon
        tenant = daemon.create_tenant()
        tenant.add_domain("shop.test")
        addresses = [f"user{n}@one.test" for n in range(300)]
        campaign_id = tenant.submit(campaign_of("shop.test", recipients_of(addresses)))
        world.sink.await_messages(5)
        free_min = daemon.settings["disk"]["free_min"]
        daemon.settings["disk"]["free_min"] = DISK_FULL
        daemon.shaping["default"]["message_rate"] = "none"
        daemon.write_configuration()
        self.assertEqual(daemon.stop(), 0)
        before = world.total()
        daemon.start(wait=False)
        wait_until(lambda: self.says(daemon, "/healthz") == 200, 30, "the daemon to live")
        self.assertEqual(self.says(daemon, "/readyz"), 503)
        answer = tenant.ask("POST", "/v1/campaigns", campaign_of("shop.test", recipients_of(["x@one.test"])))
        self.assertEqual(answer.status, 503, answer)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertEqual(tenant.ask("POST", "/v1/contacts", {"fields": {"email": "y@one.test"}}).status, 503)
        report = tenant.report(campaign_id)
        self.assertEqual((report["in_flight"], world.total()), (0, before), report)
        self.assertGreater(report["pending"], 0)
        daemon.settings["disk"]["free_min"] = free_min
        daemon.write_configuration()
        daemon.restart()
        report = tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=300, delivered=300)
        self.assert_each_once(world, addresses)

    @staticmethod
    def says(daemon, path):
        daemon.process.require_running()
        try:
            return daemon.platform("GET", path).status
        except OSError:
            return None


if __name__ == "__main__":
    main()
