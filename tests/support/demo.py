#!/usr/bin/env python3
"""The demonstration: a company imports its customers and writes to all of them.

Everything happens on loopback and in temporary directories, with a real name server (NSD) and a
receiver that speaks SMTP; the commands shown are the ones to type.
"""

import argparse
import email
import email.policy
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import people  # noqa: E402
from dkim_check import Dkim  # noqa: E402
from hikyaku import World  # noqa: E402
from processes import exit_on_sigterm, wait_until  # noqa: E402

SENDER = "shop.test"
MX_SETS = {"one.test": 1, "two.test": 1, "three.test": 2}
LOG_LINES = 10
CAMPAIGN = {
    "name": "November news",
    "from": {"email": f"news@{SENDER}", "name": "飛脚商店"},
    "reply_to": f"help@{SENDER}",
    "subject": "{{ name | default: 'お客様' }}様へ、秋のお知らせ",
    "text": "{{ name | default: 'お客様' }}様\n\n"
    "いつもありがとうございます。現在のポイントは {{ points | number }} です。\n"
    "{% if points >= 2500 %}特別なお客様に、送料無料のご案内です。\n{% endif %}"
    "{{ prefecture }}へもすぐにお届けします。\n",
    "html": "<p>{{ name | default: 'お客様' }}様</p>"
    "<p>現在のポイントは <b>{{ points | number }}</b> です。</p>"
    "{% if points >= 2500 %}<p>特別なお客様に、送料無料のご案内です。</p>{% endif %}",
    "audience": {"where": {"all": []}},
    "unsubscribe": {"url": f"https://{SENDER}/unsubscribe", "one_click": True},
}
FIELDS = (
    {"name": "prefecture", "label": "都道府県", "type": "text"},
    {"name": "points", "label": "ポイント", "type": "integer"},
    {"name": "joined", "label": "入会日", "type": "date"},
)


def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}")


class Demo:
    """The steps, in order. Each command is printed, then run."""

    def __init__(self, world, customers):
        self.world = world
        self.daemon = world.daemon
        self.customers = customers
        self.folder = self.daemon.directory
        self.key_file = self.folder.file("shop.key")
        self.environment = self.daemon.environment() | {"HIKYAKU_KEY_FILE": self.key_file}

    def command(self, *arguments, show=True):
        """Prints and runs `hikyaku ARGUMENTS` in the demo's folder; returns what it printed."""
        say("$ hikyaku " + shlex.join(arguments))
        # A progress bar needs the terminal itself.
        output = subprocess.PIPE if show != "live" else None
        done = subprocess.run(
            [self.daemon.binary, *arguments], env=self.environment, cwd=self.folder.path,
            stdin=subprocess.DEVNULL, stdout=output, stderr=None, check=False,
        )  # fmt: skip
        text = (done.stdout or b"").decode()
        if done.returncode != 0:
            raise SystemExit(f"{text}hikyaku ended with {done.returncode}\n{self.daemon.log()}")
        if show is True and text:
            say(text.rstrip("\n"))
        return text

    def add_fields(self):
        with open(self.key_file, encoding="ascii") as file:
            key = file.read().strip()
        for field in FIELDS:
            say("POST /v1/fields " + json.dumps(field, ensure_ascii=False))
            answer = self.daemon.api("POST", "/v1/fields", field, key)
            if answer.status != 201:
                raise SystemExit(repr(answer))

    def publish(self):
        """Puts what `domain add` printed into the sender's zone."""
        zone = self.command("domain", "add", SENDER)
        # Replies go to the company's own mail server.
        self.world.dns.set_zone(SENDER, zone + f"{SENDER}. IN MX 10 mx1.mx-1.test.\n")
        names = [line.split()[0] for line in zone.splitlines() if "._domainkey." in line]
        if len(names) != 2:
            raise SystemExit("two DKIM records were expected")
        self.command("domain", "check", SENDER)
        return [name.rstrip(".") for name in names]

    def show_message(self, key_names):
        sample = self.world.samples()[0]
        message = email.message_from_bytes(sample.message, policy=email.policy.default)
        head = sample.message.partition(b"\r\n\r\n")[0].decode()
        say(head.replace("\r\n", "\n"))
        say(f"\n[decoded] To: {message['To']}\n[decoded] Subject: {message['Subject']}")
        body = message.get_body(("plain",)).get_content()
        say("\n".join("  | " + line for line in body.splitlines()))
        records = {name: self.world.dns.query(name, "TXT")[1][0] for name in key_names}
        verifier = Dkim(records)
        for index in range(verifier.count(sample.message)):
            if not verifier.verify(sample.message, index):
                raise SystemExit(f"DKIM signature {index + 1} is bad")
            say(f"dkimpy: signature {index + 1} is good")
        path = self.folder.file("message.eml", sample.message)
        dns = f"{self.world.dns.address}:{self.world.dns.port}"
        self.command("dkim", "verify", os.path.basename(path), "--dns", dns)

    def check(self):
        """What arrived is everybody, once."""
        accepted = self.world.accepted()
        if len(accepted) != self.customers or set(accepted.values()) != {1}:
            raise SystemExit(f"{len(accepted)} of {self.customers} people got mail: {accepted}")

    def run(self):
        title("The configuration")
        with open(self.daemon.config_file, encoding="utf-8") as text:
            say(text.read().rstrip())
        title("A tenant and its key")
        self.command("tenant", "create", "Shop", "--admin-email", f"admin@{SENDER}",
                     "--key-out", "shop.key")  # fmt: skip
        title("A sender domain: keys are made, the records go into the DNS")
        key_names = self.publish()
        title(f"{self.customers:,} customers from a CSV file")
        self.add_fields()
        people.write_csv(self.folder.file("customers.csv"), self.customers, list(MX_SETS))
        subprocess.run(["head", "-4", self.folder.file("customers.csv")], check=True)
        self.command("contacts", "import", "customers.csv", "--wait", show="live")
        title("The campaign")
        self.folder.file("news.json", json.dumps(CAMPAIGN, ensure_ascii=False, indent=1))
        started = time.monotonic()
        self.command("campaign", "submit", "news.json", "--follow", show="live")
        took = time.monotonic() - started
        self.check()
        title("The report")
        self.show_report()
        title(f"{LOG_LINES} lines of the delivery log")
        wait_until(lambda: len(self.daemon.delivery_log()) >= self.customers, 30, "the log")
        self.command("tail", "-n", str(LOG_LINES))
        title("One of the messages, as it was received")
        self.show_message(key_names)
        title("Speed")
        times = [record.time_ms for record in self.world.records()]
        sending = max(0.001, (max(times) - min(times)) / 1000)
        say(f"{self.customers:,} messages in {sending:.1f} s: "
            f"{self.customers / sending:,.0f} messages/s, each signed with RSA and Ed25519")  # fmt: skip
        say(f"(with receiver, name server and sender on this machine's {os.cpu_count()} "
            f"processors; {took:.1f} s from the command to its end)")

    def show_report(self):
        with open(self.key_file, encoding="ascii") as file:
            key = file.read().strip()
        (campaign,) = self.daemon.api("GET", "/v1/campaigns", key=key).json["data"]
        path = f"/v1/campaigns/{campaign['id']}/report"
        say(f"GET {path}")
        report = self.daemon.api("GET", path, key=key).json
        say(json.dumps(report, indent=1, ensure_ascii=False))
        if report["delivered"] != self.customers or report["pending"] != 0:
            raise SystemExit("not everybody was reached")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000, help="how many (20000)")
    arguments = parser.parse_args()
    if arguments.customers < 1:
        parser.error("at least one customer")
    exit_on_sigterm()
    for program in ("nsd",):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed: see cmake/packages.txt")
    title("A name server, two receivers and the daemon, all on loopback")
    sink = {"samples": max(1, arguments.customers // 4)}
    with World(MX_SETS, sink=sink, zones={SENDER: ""}) as world:
        for number, one in world.sinks.items():
            domains = [domain for domain, mx in MX_SETS.items() if mx == number]
            say(f"MX set {number} ({', '.join(domains)}): "
                + ", ".join("%s:%d" % endpoint for endpoint in one.endpoints))  # fmt: skip
        Demo(world, arguments.customers).run()
    say("\nEverything that was started has ended; what it wrote is removed.")


if __name__ == "__main__":
    main()
