"""The daemon under test: started on free ports in a directory of its own, driven over HTTP.

    world = World(self, domains={"one.test": 1, "two.test": 1, "three.test": 2})
    tenant = world.daemon.create_tenant()
    tenant.add_domain("shop.test")
    campaign = tenant.submit(campaign_of("shop.test", audience=...))
    report = tenant.wait_finished(campaign)
"""

import contextlib
import csv
import http.client
import io
import itertools
import json
import os
import secrets
import signal
import subprocess
import time
import urllib.parse

from dns_peers import Nsd
from processes import Directory, Peer, Process, free_port, wait_until
from smtp_peers import Sink, find_program

READY_S = 60
REQUEST_S = 120
HOSTNAME = "mail.hikyaku.test"
#: The ends of a recipient, as the report names them.
ENDS = ("delivered", "bounced", "unknown", "expired", "cancelled", "suppressed", "failed")
#: Limits that never are what a test measures.
FAST_SHAPING = {
    "version": 1,
    "default": {
        "connections_max": 20,
        "connections_initial": 5,
        "messages_per_connection": 100,
        "message_rate": "none",
        "connection_rate": "none",
        "tls": "opportunistic",
        "connect_failures_max": 10,
        "suspension_first": "1s",
        "suspension_max": "2s",
    },
    "retry": {"steps": ["1s", "2s"], "jitter_percent": 0, "expire_after": "1h"},
}


def merge(base, changes):
    """`base` with `changes` over it, key by key; None takes a key away."""
    merged = dict(base)
    for key, value in (changes or {}).items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def to_yaml(settings, indent=""):
    """A map as YAML: maps as blocks, everything else as JSON."""
    text = ""
    for key, value in settings.items():
        name = key if key.replace("_", "").isalnum() else json.dumps(key)
        if isinstance(value, dict) and value:
            text += f"{indent}{name}:\n{to_yaml(value, indent + '  ')}"
        else:
            text += f"{indent}{name}: {json.dumps(value)}\n"
    return text


class Answer:
    """What the server said."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The stable code of a problem; "" for anything else."""
        return self.json.get("code", "") if "json" in self.headers.get("Content-Type", "") else ""

    def errors(self):
        """{pointer: detail} of a problem."""
        return {error["pointer"]: error["detail"] for error in self.json.get("errors", [])}

    def __repr__(self):
        return f"{self.status} {self.body[:2000].decode(errors='replace')}"


class Unexpected(AssertionError):
    """The server gave another status than the caller needs."""


def ask(address, method, path, body=None, key=None, headers=None, timeout_s=REQUEST_S):
    """One request on a connection of its own. A dict or list goes out as JSON, bytes as they are."""
    sent = {} if key is None else {"Authorization": f"Bearer {key}"}
    if isinstance(body, (dict, list)):
        body = json.dumps(body, ensure_ascii=False).encode()
        sent["Content-Type"] = "application/json"
    sent.update(headers or {})
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
    try:
        connection.request(method, path, body, sent)
        got = connection.getresponse()
        return Answer(got.status, got.headers, got.read())
    finally:
        connection.close()


class Daemon(Peer):
    """`hikyaku serve` with a configuration of defaults for tests, `settings` over them.

    `shaping` is what differs from FAST_SHAPING. Ports, data and keys stay over restarts.
    """

    def __init__(self, settings=None, shaping=None, start=True):
        self.directory = Directory("hikyaku-daemon-")
        super().__init__()
        self.process = None
        self.binary = find_program("hikyaku")
        ports = [free_port() for _ in range(4)]
        self.api_address = ("127.0.0.1", ports[0])
        self.platform_address = ("127.0.0.1", ports[1])
        self.public_address = ("127.0.0.1", ports[2])
        self.smtp_address = ("127.0.0.1", ports[3])
        self.token = secrets.token_hex(32)
        self.token_file = self.directory.file("operator.token", self.token + "\n", 0o600)
        self.data_dir = self.directory.file("data")
        self.config_file = self.directory.file("hikyaku.yaml")
        self.log_file = self.directory.file("daemon.log")
        self.settings = merge(
            {
                "data_dir": self.data_dir,
                "hostname": HOSTNAME,
                "master_key_file": self.directory.file("master.key"),
                "create_master_key": True,
                "platform_token_file": self.token_file,
                "api": {"address": "127.0.0.1:%d" % ports[0]},
                "platform": {"address": "127.0.0.1:%d" % ports[1]},
                "public": {"address": "127.0.0.1:%d" % ports[2]},
                "smtp": {"address": "127.0.0.1:%d" % ports[3]},
                "delivery": {"forbidden_networks": []},
                "shaping": self.directory.file("shaping.yaml"),
                "disk": {"free_min": "16MB", "ballast": "1MB"},
            },
            settings,
        )
        self.shaping = merge(FAST_SHAPING, shaping)
        self.write_configuration()
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    # --- life ----------------------------------------------------------------------------------

    def write_configuration(self):
        """Writes both files."""
        self.directory.file("hikyaku.yaml", to_yaml(self.settings))
        self.directory.file("shaping.yaml", to_yaml(self.shaping))

    def start(self, wait=True):
        self.process = Process([self.binary, "serve", "--config", self.config_file], self.log_file)
        if wait:
            self.wait_ready()

    def is_ready(self):
        """Does /readyz say so? Raises when the daemon has ended."""
        self.process.require_running()
        try:
            return ask(self.platform_address, "GET", "/readyz", timeout_s=5).status == 200
        except OSError:
            return False

    def wait_ready(self):
        wait_until(self.is_ready, READY_S, "the daemon to be ready")

    def kill9(self):
        """SIGKILL: nothing in the process gets a chance to do anything."""
        self.process.kill()
        self.process.close()

    def stop(self, patience_s=60):
        """SIGTERM; returns the exit code. Raises when it takes longer."""
        self.process.signal(signal.SIGTERM)
        try:
            code = self.process.popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise Unexpected(f"still running {patience_s} s after SIGTERM") from None
        self.process.close()
        return code

    def restart(self):
        """An orderly stop and a start."""
        code = self.stop()
        if code != 0:
            raise Unexpected(f"SIGTERM: exit {code}\n{self.log()}")
        self.start()

    def hup(self):
        self.process.signal(signal.SIGHUP)

    def log(self):
        """The operator's log so far."""
        with open(self.log_file, errors="replace") as text:
            return text.read()

    def _close(self):
        if self.process is not None:
            self.process.close()
        self.directory.close()

    # --- HTTP ----------------------------------------------------------------------------------

    def api(self, method, path, body=None, key=None, **options):
        """A tenant's request."""
        return ask(self.api_address, method, path, body, key, **options)

    def platform(self, method, path, body=None, key=None, **options):
        """The operator's request."""
        return ask(self.platform_address, method, path, body, key or self.token, **options)

    def create_tenant(self, name="Shop"):
        answer = self.platform(
            "POST", "/platform/v1/tenants", {"name": name, "admin_email": "admin@shop.test"}
        )
        if answer.status != 201:
            raise Unexpected(repr(answer))
        return Tenant(self, answer.json["id"], answer.json["key"]["key"])

    # --- logs ----------------------------------------------------------------------------------

    @property
    def delivery_log_path(self):
        return os.path.join(self.data_dir, "delivery.log")

    def delivery_log(self, **members):
        """The lines of delivery.log whose members are `members`, each `seq` of a tenant once."""
        seen = {}
        with contextlib.suppress(FileNotFoundError), open(self.delivery_log_path, "rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    read = json.loads(line)
                    seen.setdefault((read["tenant"], read["seq"]), read)
        return [
            line for line in seen.values()
            if all(line.get(name) == value for name, value in members.items())
        ]  # fmt: skip

    # --- command line --------------------------------------------------------------------------

    def environment(self, tenant=None):
        """Environment of a command: the configuration, and the tenant's key."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HIKYAKU_")}
        environment["HIKYAKU_CONFIG"] = self.config_file
        if tenant is not None:
            environment["HIKYAKU_KEY_FILE"] = tenant.key_file
        return environment

    def run(self, *arguments, tenant=None, timeout_s=60, **options):
        """Runs `hikyaku ARGUMENTS` against this daemon; returns the CompletedProcess."""
        return subprocess.run(
            [self.binary, *arguments], env=self.environment(tenant), timeout=timeout_s,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip


class Tenant:
    """A tenant and its first key."""

    _numbers = itertools.count()

    def __init__(self, daemon, tenant_id, key):
        self.daemon = daemon
        self.id = tenant_id
        self.key = key
        self.key_file = daemon.directory.file(f"tenant-{next(self._numbers)}.key", key + "\n", 0o600)

    def ask(self, method, path, body=None, **options):
        """The answer, whatever it is."""
        return self.daemon.api(method, path, body, self.key, **options)

    def need(self, status, method, path, body=None, **options):
        """The answer, which must have this status."""
        answer = self.ask(method, path, body, **options)
        if answer.status != status:
            raise Unexpected(f"{method} {path}: {answer!r}")
        return answer

    def get(self, path):
        return self.need(200, "GET", path).json

    def add_domain(self, domain):
        """Adds a sender domain; returns it, with the records to publish."""
        return self.need(201, "POST", "/v1/domains", {"domain": domain}).json

    def add_field(self, name, kind="text", **more):
        return self.need(201, "POST", "/v1/fields", {"name": name, "type": kind, **more}).json

    def add_contact(self, **fields):
        """Returns the contact's id."""
        return self.need(201, "POST", "/v1/contacts", {"fields": fields}).json["id"]

    def start_import(self, text, **query):
        """Starts the import of a CSV; returns the job's id."""
        path = "/v1/contacts:import"
        if query:
            path += "?" + urllib.parse.urlencode(query)
        body = text.encode() if isinstance(text, str) else text
        answer = self.need(202, "POST", path, body, headers={"Content-Type": "text/csv"})
        return answer.json["job_id"]

    def wait_job(self, job_id, deadline_s=120):
        """The job when it has ended."""
        def ended():
            job = self.get(f"/v1/jobs/{job_id}")
            return job if job["state"] in ("done", "failed", "cancelled") else None

        return wait_until(ended, deadline_s, f"the end of {job_id}", 0.05)

    def import_csv(self, text, **query):
        """Imports a CSV; returns the counts of the job, which must have gone well."""
        job = self.wait_job(self.start_import(text, **query))
        if job["state"] != "done":
            raise Unexpected(str(job))
        return job["counts"]

    def draft(self, campaign, **options):
        """Creates a campaign; returns its id."""
        return self.need(201, "POST", "/v1/campaigns", campaign, **options).json["id"]

    def act(self, campaign_id, action, **options):
        """POST …:action; returns the campaign."""
        path = f"/v1/campaigns/{campaign_id}:{action}"
        return self.need(202, "POST", path, **options).json

    def submit(self, campaign):
        """Creates and starts a campaign; returns its id."""
        campaign_id = self.draft(campaign)
        self.act(campaign_id, "start")
        return campaign_id

    def report(self, campaign_id):
        """The report, which always adds up."""
        report = self.get(f"/v1/campaigns/{campaign_id}/report")
        if report["recipients"] != sum(report[end] for end in ENDS) + report["pending"]:
            raise Unexpected(f"the report does not add up: {report}")
        return report

    def wait_report(self, campaign_id, condition, deadline_s=60, what="the report"):
        """The first report for which `condition` holds."""
        last = {}

        def holds():
            last["report"] = self.report(campaign_id)
            return condition(last["report"])

        try:
            wait_until(holds, deadline_s, what, 0.05)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {last.get('report')}") from None
        return last["report"]

    def wait_finished(self, campaign_id, deadline_s=60):
        """The report when every recipient has its end."""
        report = self.wait_report(
            campaign_id, lambda r: r["state"] in ("finished", "cancelled") and r["pending"] == 0,
            deadline_s, "the end of the campaign",
        )  # fmt: skip
        if not report["expansion_complete"] and report["state"] == "finished":
            raise Unexpected(str(report))
        return report


class World(contextlib.ExitStack):
    """Name server, receivers and daemon that belong together.

    `domains`: {receiving domain: number of its MX set}. Each MX set is a Sink on two addresses.
    """

    def __init__(self, domains, settings=None, shaping=None, sink=None, zones=None, start=True):
        super().__init__()
        try:
            sets = sorted(set(domains.values()))
            self.addresses = {
                number: [f"127.0.{10 + number}.1", f"127.0.{10 + number}.2"] for number in sets
            }
            self.port = free_port([a for addresses in self.addresses.values() for a in addresses])
            self.sinks = {
                number: self.enter_context(Sink(addresses, self.port, **(sink or {})))
                for number, addresses in self.addresses.items()
            }
            self.dns = self.enter_context(Nsd(self._zones(domains) | (zones or {})))
            base = {
                "dns": {"servers": [f"{self.dns.address}:{self.dns.port}"]},
                "delivery": {"smtp_port": self.port},
            }
            self.daemon = self.enter_context(Daemon(merge(base, settings), shaping, start))
        except BaseException:
            self.close()
            raise

    def _zones(self, domains):
        zones = {
            f"mx-{number}.test": "".join(
                f"mx{i} IN A {address}\n" for i, address in enumerate(addresses, 1)
            )
            for number, addresses in self.addresses.items()
        }
        for domain, number in domains.items():
            zones[domain] = f"@ IN MX 10 mx1.mx-{number}.test.\n@ IN MX 20 mx2.mx-{number}.test.\n"
        return zones

    @property
    def sink(self):
        """The only or first receiver."""
        return self.sinks[min(self.sinks)]

    def records(self):
        """All records of all receivers."""
        return [record for sink in self.sinks.values() for record in sink.records()]

    def accepted(self):
        """How often each recipient was accepted: {address: count}."""
        return count_by(self.records(), "accepted")

    def samples(self):
        return [sample for sink in self.sinks.values() for sample in sink.samples()]

    def total(self, name="messages"):
        return sum(sink.stats()[name] for sink in self.sinks.values())


def count_by(records, ending):
    """{recipient: number of records with that ending}."""
    counts = {}
    for record in records:
        if record.ending == ending:
            counts[record.recipient] = counts.get(record.recipient, 0) + 1
    return counts


def zone_of(domain, without=()):
    """The records of a sender domain (as the API shows it) as text of a zone file, without those of
    the purposes `without`. What replies need (an MX of the domain itself) is not among them."""
    lines = []
    for record in domain["records"]:
        if record["purpose"] in without:
            continue
        value = record["value"]
        if record["type"] == "TXT":
            value = " ".join(f'"{value[i : i + 255]}"' for i in range(0, len(value), 255))
        else:
            value += "."
        lines.append(f"{record['name']}. IN {record['type']} {value}\n")
    return "".join(lines)


EVERYBODY = {"where": {"all": []}}


def campaign_of(sender_domain, audience=None, **changes):
    """A campaign as POST /v1/campaigns takes it."""
    return {
        "name": "News",
        "from": {"email": f"news@{sender_domain}", "name": "店 Shop"},
        "subject": "{{ name | default: 'お客様' }}様へ",
        "text": "{{ name | default: 'お客様' }}様\n\nHello {{ name }}, this is the news.\n",
        "audience": audience or EVERYBODY,
        **changes,
    }


def recipients_of(addresses, **more):
    """An audience of given addresses."""
    return {"recipients": [{"email": address, **more} for address in addresses]}


def csv_of(header, rows):
    """RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def now_ms():
    return int(time.time() * 1000)
