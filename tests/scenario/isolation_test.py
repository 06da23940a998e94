#!/usr/bin/env python3
"""One tenant's key opens nothing of another's: every route of the document is tried."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

#: Routes whose path names a thing of every tenant's own: a value, not an id.
OWN_VALUE = {("put", "/v1/contacts/by/{field}/{value}")}


class Isolation(ScenarioTest):
    def setUp(self):
        self.w = self.world()
        self.ours = self.w.daemon.create_tenant("Ours")
        self.theirs = self.w.daemon.create_tenant("Theirs")
        self.fill(self.theirs)
        self.document = self.ours.get("/v1/openapi.json")

    def fill(self, tenant):
        domain = tenant.add_domain("shop.test")
        tenant.add_field("secret", update_key=True)
        contact = tenant.add_contact(email="a@one.test", name="A", secret="s1")
        job = tenant.start_import("email\nb@one.test\n")
        tenant.wait_job(job)
        upload = tenant.need(201, "POST", "/v1/uploads", b"email\n").json["id"]
        campaign = tenant.draft(campaign_of("shop.test", recipients_of(["a@one.test"])))
        tenant.need(201, "POST", "/v1/suppressions", {"address": "s@one.test"})
        key = tenant.need(201, "POST", "/v1/keys", {"name": "second", "scopes": ["*"]}).json["id"]
        self.ids = {"contacts": contact, "fields": "secret", "jobs": job, "uploads": upload,
                    "campaigns": campaign, "domains": domain["id"], "keys": key}  # fmt: skip

    def path_of(self, pattern):
        """The pattern with what belongs to the other tenant in it."""
        resource = re.match(r"/v1/([a-z-]+)", pattern)[1]
        path = pattern.replace("{field}", "secret").replace("{value}", "s1")
        path = path.replace("{address}", "s@one.test").replace("{recipient}", "a@one.test")
        if "{id}" in path:
            self.assertIn(resource, self.ids, f"a new resource: {pattern}")
            path = path.replace("{id}", self.ids[resource])
        self.assertNotIn("{", path, f"a new parameter: {pattern}")
        return path

    def state(self, tenant):
        """Everything a tenant can read."""
        found = {}
        for pattern, methods in self.document["paths"].items():
            if "get" in methods and "openapi" not in pattern:
                answer = tenant.ask("GET", self.path_of(pattern))
                body = answer.body if answer.status == 200 else b""  # a problem has its own id
                found[pattern] = (answer.status, body)
        return found

    def routes(self):
        return [(method, pattern) for pattern, methods in self.document["paths"].items()
                for method in methods]  # fmt: skip

    def test_ids_of_another_tenant_do_not_exist(self):
        before = self.state(self.theirs)
        self.assertEqual({status for p, (status, _) in before.items() if not p.endswith("/errors")},
                         {200})  # fmt: skip
        tried = 0
        for method, pattern in self.routes():
            if "{" not in pattern or (method, pattern) in OWN_VALUE:
                continue
            with self.subTest(method=method, pattern=pattern):
                tried += 1
                body = {"fields": {}} if method in ("put", "patch") else None
                answer = self.ours.ask(method.upper(), self.path_of(pattern), body)
                self.assertEqual(answer.status, 404, answer)
                self.assertNotIn(b"one.test", answer.body)
        self.assertGreater(tried, 15)
        self.assertEqual(self.state(self.theirs), before)

    def test_lists_hold_only_what_is_ours(self):
        for pattern, (status, body) in self.state(self.ours).items():
            if "{" not in pattern:
                with self.subTest(pattern):
                    self.assertEqual(status, 200)
                    self.assertNotIn(b"one.test", body)
                    self.assertNotIn(b"secret", body.replace(b"secret_", b""))

    def test_bodies_can_not_name_what_is_not_ours(self):
        self.ours.add_domain("ours.test")
        rows = [{"contacts": [self.ids["contacts"]]}, {"upload": self.ids["uploads"]}]
        for audience in rows:
            with self.subTest(audience):
                answer = self.ours.ask("POST", "/v1/campaigns", campaign_of("ours.test", audience))
                self.assertEqual(answer.status, 422, answer)
        answer = self.ours.ask("POST", "/v1/campaigns",
                               campaign_of("shop.test", recipients_of(["a@one.test"])))  # fmt: skip
        self.assertEqual(answer.status, 422, answer)
        answer = self.ours.ask("POST", "/v1/contacts:import", {"upload": self.ids["uploads"]})
        self.assertIn(answer.status, (404, 422), answer)

    def test_every_route_needs_a_key(self):
        for method, pattern in self.routes():
            with self.subTest(method=method, pattern=pattern):
                for key in (None, "hk_0000000000001_" + "A" * 43, self.w.daemon.token):
                    answer = self.w.daemon.api(method.upper(), self.path_of(pattern), key=key)
                    self.assertEqual(answer.status, 401, answer)

    def test_a_key_without_the_scope_is_refused(self):
        key = self.theirs.need(201, "POST", "/v1/keys", {"name": "jobs", "scopes": ["jobs"]}).json
        text = next(v for v in key.values() if isinstance(v, str) and v.startswith("hk_"))
        for method, pattern in self.routes():
            if "/jobs" in pattern:
                continue
            with self.subTest(method=method, pattern=pattern):
                answer = self.w.daemon.api(method.upper(), self.path_of(pattern), key=text)
                self.assertEqual(answer.status, 403, answer)

    def test_the_same_addresses_and_idempotency_keys_are_separate(self):
        header = {"Idempotency-Key": "same"}
        ids = set()
        for tenant in (self.ours, self.theirs):
            fields = {"fields": {"email": "both@one.test"}}
            answer = tenant.need(201, "POST", "/v1/contacts", fields, headers=header)
            self.assertNotIn("Idempotency-Replayed", answer.headers)
            ids.add(answer.json["id"])
        self.assertEqual(len(ids), 2)


if __name__ == "__main__":
    main()
