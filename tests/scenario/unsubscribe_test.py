#!/usr/bin/env python3
"""Who unsubscribes gets nothing any more: one click (RFC 8058), the page, in mid-campaign, in retries."""

import base64
import concurrent.futures
import email
import email.policy
import html.parser
import http.client
import os
import re
import smtplib
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from dkim_check import Dkim  # noqa: E402
from hikyaku import campaign_of, csv_of, now_ms, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

#: What an unsubscribe may still let through, counted from its 200.
GRACE_MS = 1000
#: Slow enough that people can leave while a campaign is under way.
SLOW = {"domains": {"one.test": {"message_rate": "100/s", "connections_max": 4}}}
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


def address(number):
    return f"user{number}@one.test"


def header_link(message):
    """The https link of List-Unsubscribe."""
    return re.search(r"<(http[^>]*)>", message["List-Unsubscribe"])[1]


class Page(html.parser.HTMLParser):
    """What a page holds, as a browser without scripts sees it."""

    def __init__(self, text):
        super().__init__()
        self.language = self.title = self.method = self.action = None
        self.fields, self.tags, self.links = {}, [], {}
        self.button = self.heading = self.words = ""
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "input", "br", "link", "img"):
            self._open.append(tag)
        if tag == "html":
            self.language = values.get("lang")
        elif tag == "form":
            self.method, self.action = values.get("method"), values.get("action")
        elif tag == "input":
            self.fields[values["name"]] = values["value"]
        elif tag == "a":
            self.links[values["hreflang"]] = values["href"]

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        inner = self._open[-1] if self._open else ""
        if inner == "title":
            self.title = data
        elif inner == "h1":
            self.heading += data
        elif inner == "button":
            self.button += data
        if inner != "style":
            self.words += data


class Unsubscribe(ScenarioTest):
    def open(self, contacts=0, page=True, **options):
        self.w = self.world(start=False, sink={"samples": 1}, **options)
        daemon = self.w.daemon
        if page:
            daemon.settings["public"]["url"] = "http://127.0.0.1:%d/" % daemon.public_address[1]
        daemon.write_configuration()
        daemon.start()
        self.tenant = daemon.create_tenant("飛脚商店 <Shop>")
        self.domain = self.tenant.add_domain("shop.test")
        if contacts:
            rows = [(address(number), f"名前{number}") for number in range(contacts)]
            self.tenant.import_csv(csv_of(("email", "name"), rows))

    def click(self, url, body=ONE_CLICK, method="POST", kind=FORM, **headers):
        """One request to the public listener; returns (status, headers, text)."""
        parts = urllib.parse.urlsplit(url)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and kind:
            sent["Content-Type"] = kind
        connection = http.client.HTTPConnection(*self.w.daemon.public_address, timeout=20)
        try:
            path = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, path, body, sent)
            got = connection.getresponse()
            return got.status, got.headers, got.read().decode()
        finally:
            connection.close()

    def get(self, url, method="GET", **headers):
        return self.click(url, None, method, **headers)

    def messages(self, campaign_id=None):
        """{recipient: message} of all samples, the newest of each."""
        found = {}
        for sample in self.w.samples():
            message = email.message_from_bytes(sample.message, policy=email.policy.default)
            if campaign_id is None or campaign_id in message.get("Feedback-ID", ""):
                (to,) = sample.envelope["rcpt_to"]
                found[to.strip("<>")] = message
        return found

    def mail_everybody(self, **changes):
        """A whole campaign; returns its messages by recipient."""
        campaign_id = self.tenant.submit(campaign_of("shop.test", **changes))
        report = self.tenant.wait_finished(campaign_id)
        self.assertEqual(report["delivered"], report["recipients"], report)
        return self.messages(campaign_id)

    def entry(self, who):
        """The suppression of an address, or None."""
        data = self.tenant.get("/v1/suppressions?address=" + urllib.parse.quote(who))["data"]
        return data[0] if data else None

    # --- headers -------------------------------------------------------------------------------

    def test_broadcasts_offer_it_and_sign_what_they_offer(self):
        self.open(contacts=3)
        html_body = '<p><a href="{{ unsubscribe_url }}">配信停止</a></p>'
        messages = self.mail_everybody(
            text="停止: {{ unsubscribe_url }}\n", html=html_body)  # fmt: skip
        self.assertEqual(len(messages), 3)
        records = {r["name"]: r["value"] for r in self.domain["records"] if r["purpose"] == "dkim"}
        self.assertTrue(all(Dkim(records).verify_all(s.message) for s in self.w.samples()))
        links = set()
        for who, message in messages.items():
            link = header_link(message)
            links.add(link)
            self.assertEqual(message["List-Unsubscribe-Post"], ONE_CLICK)
            fields = message["Feedback-ID"].split(":")
            self.assertEqual(len(fields), 4, fields)
            self.assertTrue(fields[0].startswith("cmp_") and fields[1] == self.tenant.id, fields)
            self.assertTrue(5 <= len(fields[3]) <= 15, fields)
            for signature in message.get_all("DKIM-Signature"):
                signed = re.search(r"\bh=([^;]*)", signature)[1].lower()
                covered = {name.strip() for name in signed.split(":")}
                self.assertLessEqual({"list-unsubscribe", "list-unsubscribe-post", "feedback-id"},
                                     covered)  # fmt: skip
            plain, rich = message.iter_parts()
            self.assertIn("停止: " + link, plain.get_content())
            self.assertIn(f'<a href="{link}">', rich.get_content())
            token = link.rpartition("/")[2]
            decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            for form in (token.encode(), decoded):
                self.assertNotIn(who.split("@")[0].encode(), form)
        self.assertEqual(len(links), 3)

    def test_ones_own_offer_wins_and_transactional_mail_has_none(self):
        self.open(contacts=1)
        own = {"url": "https://shop.test/stop", "one_click": False}
        campaign_id = self.tenant.submit(
            campaign_of("shop.test", unsubscribe=own, feedback_id="a:b:c:shop1"))
        self.tenant.wait_finished(campaign_id)
        message = self.messages()[address(0)]
        self.assertEqual(message["List-Unsubscribe"], "<https://shop.test/stop>")
        self.assertIsNone(message["List-Unsubscribe-Post"])
        self.assertEqual(message["Feedback-ID"], "a:b:c:shop1")
        campaign_id = self.tenant.submit(
            campaign_of("shop.test", recipients_of(["new@one.test"]), stream="transactional"))
        self.tenant.wait_finished(campaign_id)
        message = self.messages()["new@one.test"]
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"):
            self.assertIsNone(message[name], name)

    # --- the page ------------------------------------------------------------------------------

    def test_the_page_asks_first_and_works_without_scripts(self):
        self.open(contacts=2)
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        link = links[address(0)]
        for asked, language, heading in (
            ({"Accept_Language": "ja,en;q=0.5"}, "ja", "メールの配信停止"),
            ({"Accept_Language": "en-GB,en;q=0.9,ja;q=0.8"}, "en", "Unsubscribe"),
            ({"Accept_Language": "fr"}, "en", "Unsubscribe"),
            ({}, "ja", "メールの配信停止"),
        ):
            status, headers, text = self.get(link, **asked)
            page = Page(text)
            self.assertEqual((status, page.language, page.heading), (200, language, heading))
            self.check_page(headers, text, page)
            self.assertIn("店 Shop", page.words)
            other = "en" if language == "ja" else "ja"
            self.assertEqual(page.links, {other: f"?lang={other}"})
        status, headers, text = self.get(link + "?lang=en", Accept_Language="ja")
        page = Page(text)
        self.assertEqual((page.language, headers["Content-Language"]), ("en", "en"))
        self.assertEqual((page.method, page.action, page.button), ("post", None, "Unsubscribe"))
        self.assertIsNone(self.entry(address(0)))
        status, headers, text = self.click(link + "?lang=en", urllib.parse.urlencode(page.fields))
        page = Page(text)
        self.assertEqual((status, page.heading, page.button), (200, "You are unsubscribed", ""))
        self.check_page(headers, text, page)
        entry = self.entry(address(0))
        self.assertEqual(entry["reason"], "unsubscribed")
        self.assertRegex(entry["source"], r"^page 127\.0\.0\.1$")
        self.assertIsNone(self.entry(address(1)))
        status, _, text = self.click(links[address(1)], urllib.parse.urlencode(page.fields or {
            "List-Unsubscribe": "One-Click", "from": "page"}))  # fmt: skip
        self.assertEqual((status, Page(text).heading), (200, "配信を停止しました"))

    def check_page(self, headers, text, page):
        policy = headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none'; style-src 'sha256-"), policy)
        for part in ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            self.assertIn(part, policy)
        for name, value in (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"),
                            ("X-Robots-Tag", "noindex, nofollow, noarchive"),
                            ("X-Content-Type-Options", "nosniff"),
                            ("Content-Type", "text/html; charset=utf-8")):  # fmt: skip
            self.assertEqual(headers.get_all(name), [value], name)
        for name in ("Set-Cookie", "Location"):
            self.assertIsNone(headers[name])
        self.assertNotIn("script", page.tags)
        self.assertNotIn("@one.test", text)
        self.assertEqual(page.tags.count("h1"), 1)
        self.assertEqual(page.tags.count("main"), 1)

    def test_scanners_change_nothing(self):
        self.open(contacts=20)
        for message in self.mail_everybody().values():
            link = header_link(message)
            for method in ("GET", "HEAD", "GET"):
                status, headers, text = self.get(link, method, Sec_Purpose="prefetch")
                self.assertEqual((status, bool(text)), (200, method == "GET"))
                self.assertGreater(int(headers["Content-Length"]), 500)
            for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
                status, headers, _ = self.get(link, method)
                self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD, POST"))
            for body, kind in (("", FORM), ("a=b", FORM), ("List-Unsubscribe=No", FORM),
                               ('{"List-Unsubscribe":"One-Click"}', "application/json"),
                               ("\r\n", "multipart/form-data; boundary=x")):  # fmt: skip
                status, _, text = self.click(link, body, kind=kind)
                self.assertEqual((status, Page(text).method), (400, "post"))
            self.assertEqual(self.click(link, ONE_CLICK + "&x=" + "y" * 20_000)[0], 413)
        self.assertEqual(self.tenant.get("/v1/suppressions")["data"], [])
        self.assertEqual(len(self.mail_everybody()), 20)

    # --- one click -----------------------------------------------------------------------------

    def test_one_click_is_done_once_and_may_be_repeated(self):
        self.open(contacts=3)
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        multipart = (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
            "One-Click\r\n--b--\r\n"
        )
        forms = [(ONE_CLICK, FORM), (multipart, 'multipart/form-data; boundary="b"'),
                 ("List-Unsubscribe=One%2DClick", None)]  # fmt: skip
        for number, (body, kind) in enumerate(forms):
            status, headers, _ = self.click(links[address(number)], body, kind=kind)
            self.assertEqual((status, headers["Set-Cookie"]), (200, None))
            entry = self.entry(address(number))
            self.assertEqual(entry["reason"], "unsubscribed")
            self.assertRegex(entry["source"], r"^one_click 127\.0\.0\.1$")
        first = self.entry(address(0))
        entries = len(self.tenant.get("/v1/operation-logs?limit=100")["data"])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            again = list(pool.map(lambda _: self.click(links[address(0)])[0], range(40)))
        self.assertEqual(set(again), {200})
        self.assertEqual(self.entry(address(0)), first)
        log = self.tenant.get("/v1/operation-logs?limit=100")["data"]
        self.assertEqual(len(log), entries)
        made = [e for e in log if e["operation"] == "suppression.add"]
        self.assertEqual(len(made), 3)
        self.assertNotIn("@", str(made))
        self.w.daemon.restart()
        self.assertEqual(self.entry(address(0)), first)
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=3, suppressed=3)

    def test_forged_tokens_and_those_of_others(self):
        self.open(contacts=2)
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        other = self.w.daemon.create_tenant("Other")
        other.add_domain("other.test")
        for number in range(2):
            other.add_contact(email=address(number))
        campaign_id = other.submit(campaign_of("other.test"))
        other.wait_finished(campaign_id)
        others = {who: header_link(m) for who, m in self.messages(campaign_id).items()}
        base, _, token = links[address(0)].rpartition("/")
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        theirs = others[address(0)].rpartition("/")[2]
        their_raw = base64.urlsafe_b64decode(theirs + "=" * (-len(theirs) % 4))

        def write(data):
            return base64.urlsafe_b64encode(data).decode().rstrip("=")

        forged = ["x", "%00", "a" * 1000, token[:-1], token + "A", token.swapcase(), token + "=",
                  "..%2f" + token, write(raw[:1]), write(b"\1" + raw[1:]), write(b"\2" + raw[1:]),
                  write(b"\xff" * len(raw)), write(bytes(len(raw)))]  # fmt: skip
        forged += [write(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :]) for i in range(len(raw))]
        # Signed for one tenant, named for another.
        forged += [write(their_raw[:5] + raw[5:]), write(raw[:-16] + their_raw[-16:])]
        for (number, sample) in enumerate(self.w.samples()[:1]):
            verp = sample.envelope["mail_from"].strip("<>").split("@")[0]
            forged += [verp, verp[2:], verp[2:].upper()]
        answers = set()
        for text in forged:
            for method, body in (("GET", None), ("HEAD", None), ("POST", ONE_CLICK)):
                status, headers, page = self.click(f"{base}/{text}", body, method)
                if text == "%00" and status == 400:
                    continue  # refused before there is a token
                self.assertEqual(status, 404, (method, text))
                answers.add((method == "HEAD", page, headers["Content-Security-Policy"]))
        self.assertEqual(len(answers), 2)
        self.assertEqual(self.tenant.get("/v1/suppressions")["data"], [])
        self.assertEqual(other.get("/v1/suppressions")["data"], [])
        self.assertEqual(self.click(others[address(0)])[0], 200)
        self.assertEqual(len(other.get("/v1/suppressions")["data"]), 1)
        self.assertEqual(self.tenant.get("/v1/suppressions")["data"], [])

    def test_people_whose_address_changed_and_who_came_by_address_only(self):
        self.open(contacts=3)
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        ids = {c["fields"]["email"]: c["id"] for c in self.tenant.get("/v1/contacts")["data"]}
        changed = {"fields": {"email": "moved@one.test"}}
        self.tenant.need(200, "PATCH", "/v1/contacts/" + ids[address(0)], changed)
        self.tenant.need(204, "DELETE", "/v1/contacts/" + ids[address(1)])
        for number in (0, 1):
            self.assertEqual(self.click(links[address(number)])[0], 200)
        for who in ("moved@one.test", address(0), address(1)):
            self.assertEqual(self.entry(who)["reason"], "unsubscribed", who)
        given = self.mail_everybody(audience=recipients_of(["Given@one.test"]))
        self.assertEqual(self.click(header_link(given["Given@one.test"]))[0], 200)
        self.assertIsNotNone(self.entry("given@one.test"))

    def test_a_preview_shows_a_link_that_does_nothing(self):
        self.open(contacts=1)
        campaign_id = self.tenant.draft(
            campaign_of("shop.test", text="{{ unsubscribe_url }}"))
        shown = self.tenant.need(200, "POST", f"/v1/campaigns/{campaign_id}:preview", {}).json
        link = shown["text"].strip()
        self.assertTrue(link.endswith("/u/preview"), link)
        self.assertEqual(self.get(link)[0], 200)
        self.assertEqual(self.click(link)[0], 404)

    def test_behind_a_proxy_the_client_is_named_and_held_to_its_rate(self):
        limits = {"proxies": ["127.0.0.1"], "requests_per_s": 1, "requests_burst": 3}
        self.open(contacts=1, settings={"public": limits})
        link = header_link(self.mail_everybody()[address(0)])
        self.assertEqual(self.click(link, X_Forwarded_For="198.51.100.1, 203.0.113.9")[0], 200)
        self.assertEqual(self.entry(address(0))["source"], "one_click 203.0.113.9")
        status = 200
        for _ in range(30):
            status, headers, text = self.get(link, X_Forwarded_For="203.0.113.10")
            if status != 200:
                break
        self.assertEqual((status, Page(text).button), (429, ""))
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        self.assertEqual(self.get(link, X_Forwarded_For="203.0.113.11")[0], 200)

    # --- by mail -------------------------------------------------------------------------------

    def test_a_mail_to_the_address_of_the_header_is_enough(self):
        shared = {"delivery": {"return_path_domain": "rp.test"}}
        for page in (True, False):
            with self.subTest(page=page):
                self.open(contacts=2, page=page, settings=shared)
                messages = self.mail_everybody(text="{{ unsubscribe_url }}")
                message = messages[address(0)]
                to = re.search(r"<mailto:(u-[^?>]*@rp\.test)\?subject=unsubscribe>",
                               message["List-Unsubscribe"])[1]  # fmt: skip
                self.assertEqual(message["List-Unsubscribe-Post"], ONE_CLICK if page else None)
                body = message.get_content()
                self.assertIn("/u/" if page else "mailto:" + to, body)
                with smtplib.SMTP(*self.w.daemon.smtp_address, timeout=20) as session:
                    session.sendmail("someone@else.test", to, "Subject: unsubscribe\r\n\r\n")
                    with self.assertRaises(smtplib.SMTPRecipientsRefused):
                        session.sendmail("", to.replace("u-", "u-a"), "\r\n")
                self.assertRegex(self.entry(address(0))["source"], r"^mail 127\.0\.0\.1$")
                self.assertIsNone(self.entry(address(1)))
                self.w.daemon.stop()

    def test_a_start_without_any_offer_is_told(self):
        self.open(contacts=1, page=False)
        campaign_id = self.tenant.draft(campaign_of("shop.test"))
        answer = self.tenant.act(campaign_id, "start")
        self.assertIn("no_unsubscribe_offer", {w["code"] for w in answer["warnings"]})
        self.tenant.wait_finished(campaign_id)
        self.assertIsNone(self.messages()[address(0)]["List-Unsubscribe"])
        refused = self.tenant.ask("POST", "/v1/campaigns",
                                  campaign_of("shop.test", text="{{ unsubscribe_url }}"))  # fmt: skip
        self.assertEqual((refused.status, list(refused.errors())), (422, ["/text"]), refused)

    # --- in time -------------------------------------------------------------------------------

    def load(self, domain, recipients):
        """Another tenant's campaign that keeps the daemon busy."""
        other = self.w.daemon.create_tenant("Busy")
        other.add_domain("busy.test")
        rows = [(f"u{number}@{domain}",) for number in range(recipients)]
        other.import_csv(csv_of(("email",), rows))
        other.submit(campaign_of("busy.test"))

    def test_it_holds_in_mid_campaign_within_a_second(self):
        recipients = 400
        self.open(contacts=recipients, shaping=SLOW, domains={"one.test": 1, "two.test": 2})
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        self.load("two.test", 5_000)
        before = len(self.w.sinks[1].records())
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        wait_until(lambda: len(self.w.sinks[1].records()) >= before + 20, 30, "the first messages")
        got = {r.recipient for r in self.w.sinks[1].records()[before:]}
        leaving = [address(n) for n in range(recipients) if address(n) not in got][-120:]
        answered, took = {}, []

        def leave(who):
            began = time.monotonic()
            status = self.click(links[who])[0]
            answered[who] = now_ms()
            took.append(time.monotonic() - began)
            return status

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(set(pool.map(leave, leaving)), {200})
        self.assertLess(max(took), 5)
        print(f"one click took {sorted(took)[len(took) // 2] * 1000:.0f} ms (median), "
              f"{max(took) * 1000:.0f} ms (longest)", file=sys.stderr)  # fmt: skip
        report = self.tenant.wait_finished(campaign_id)
        late = [r for r in self.w.sinks[1].records()[before:]
                if r.recipient in answered and r.time_ms > answered[r.recipient] + GRACE_MS]  # fmt: skip
        self.assertEqual(late, [])
        reached = {r.recipient for r in self.w.sinks[1].records()[before:]} & set(leaving)
        self.assertLess(len(reached), len(leaving) // 2)
        self.assert_report(report, recipients=recipients,
                           delivered=recipients - len(leaving) + len(reached),
                           suppressed=len(leaving) - len(reached))  # fmt: skip

    def test_a_deferred_recipient_who_leaves_gets_no_retry(self):
        self.open(contacts=2)
        links = {who: header_link(m) for who, m in self.mail_everybody().items()}
        before = len(self.w.records())
        self.w.sink.command("fault rcpt:450:" + address(0))
        campaign_id = self.tenant.submit(campaign_of("shop.test"))
        self.tenant.wait_report(campaign_id, lambda r: r["delivered"] == 1, what="one delivery")
        wait_until(lambda: self.w.daemon.delivery_log(campaign=campaign_id, event="deferred"), 20,
                   "the deferral")  # fmt: skip
        self.assertEqual(self.click(links[address(0)])[0], 200)
        self.w.sink.command("clear")
        report = self.tenant.wait_finished(campaign_id)
        self.assert_report(report, recipients=2, delivered=1, suppressed=1)
        self.assertEqual([r.recipient for r in self.w.records()[before:] if r.ending == "accepted"],
                         [address(1)])  # fmt: skip
        (line,) = self.w.daemon.delivery_log(campaign=campaign_id, event="suppressed")
        self.assertEqual((line["recipient"], line["class"]), (address(0), "unsubscribed"))


if __name__ == "__main__":
    main()
