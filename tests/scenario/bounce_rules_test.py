#!/usr/bin/env python3
"""What replies mean: for the message, by the rules in force, which a reload replaces."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from hikyaku import campaign_of, recipients_of  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import ScenarioTest, main  # noqa: E402

SLOW_RETRY = {"retry": {"steps": ["1h"], "jitter_percent": 0},
              "default": {"messages_per_connection": 1}}  # fmt: skip

OWN_RULES = """version: 1
rules:
  - name: own
    class: greylist
    text: no such user
    matches: 550 5.1.1 No such user
    others: 550 5.7.1 No
"""


class BounceRules(ScenarioTest):
    def start(self, faults):
        self.w = self.world(shaping=SLOW_RETRY)
        for fault in faults:
            self.w.sinks[1].command("fault " + fault)
        self.d = self.w.daemon
        self.tenant = self.d.create_tenant()
        self.tenant.add_domain("shop.test")

    def outcomes(self, addresses):
        """{local part: (event, class)} of the first attempt at each."""
        campaign_id = self.tenant.submit(campaign_of("shop.test", recipients_of(addresses)))

        def lines():
            found = self.d.delivery_log(campaign=campaign_id)
            return found if len(found) >= len(addresses) else None

        found = wait_until(lines, 20, "a line for each")
        return {line["recipient"].partition("@")[0]: (line["event"], line.get("class"))
                for line in found}  # fmt: skip

    def test_a_reply_decides_about_the_message(self):
        self.start([
            "rcpt:550:gone@*:5.1.1 No such user here",
            "rcpt:552:full@*:5.2.2 Mailbox full",
            "rcpt:550:grey@*:5.7.1 Greylisted, please come back later",
            "rcpt:554:listed@*:5.7.1 Client host blocked using zen.spamhaus.org",
            "rcpt:421:busy@*:4.3.2 No such user",
            "dot:554:spam@*:5.7.1 This message looks like spam",
        ])  # fmt: skip
        names = ("gone", "full", "grey", "listed", "busy", "spam", "fine")
        found = self.outcomes([f"{name}@one.test" for name in names])
        self.assertEqual(found, {
            "gone": ("bounced", "bad_mailbox"), "full": ("bounced", "quota"),
            "grey": ("deferred", "greylist"), "listed": ("deferred", "spam_block"),
            "busy": ("deferred", "bad_mailbox"), "spam": ("bounced", "spam_content"),
            "fine": ("delivered", "accepted"),
        })  # fmt: skip

    def test_a_reload_replaces_the_rules(self):
        self.start(["rcpt:550:gone*@*:5.1.1 No such user"])
        self.assertEqual(self.outcomes(["gone1@one.test"]), {"gone1": ("bounced", "bad_mailbox")})
        rules = self.d.directory.file("own-rules.yaml", OWN_RULES)
        self.d.settings["bounce_rules"] = rules
        self.d.write_configuration()
        self.assertEqual(self.d.platform("POST", "/platform/v1/reload").status, 200)
        self.assertEqual(self.outcomes(["gone2@one.test"]), {"gone2": ("deferred", "greylist")})

        # A sample that the rules don't hold: nothing changes, and the place is told.
        self.d.directory.file("own-rules.yaml", OWN_RULES.replace("550 5.1.1 No", "550 5.1.1 A"))
        answer = self.d.platform("POST", "/platform/v1/reload")
        self.assertEqual(answer.status, 422)
        self.assertIn("own-rules.yaml:3", answer.json["detail"])
        check = subprocess.run([self.d.binary, "check", "--config", self.d.config_file],
                               capture_output=True, text=True, check=False, timeout=30)  # fmt: skip
        self.assertNotEqual(check.returncode, 0)
        self.assertIn("own-rules.yaml:3", check.stdout + check.stderr)
        self.assertEqual(self.outcomes(["gone3@one.test"]), {"gone3": ("deferred", "greylist")})


if __name__ == "__main__":
    main()
