"""One campaign through the whole daemon, measured from its submission to its last recipient."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import time

import peers
import workload
from hikyaku import Daemon

_DEADLINE_S = 1800


def cpu_s(pid):
    """User and system time of all threads of a process, those that ended included."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_cpu_s(pid):
    """{name and id of a thread: seconds on a processor} of the threads that live."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{task}/comm") as comm:
                name = comm.read().strip()
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                found[f"{name} {task}"] = int(stat.read().split()[0]) / 1e9
    return found


def peak_rss_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


def reset_peak_rss(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as refs:
        refs.write("5\n")


class Bed(contextlib.ExitStack):
    """Name server, one receiver on all addresses, and a daemon that sends to it.

    `many`: how many domains with a site each exist beside the ten and ten; `record` as in Sink.
    """

    def __init__(self, samples=0, many=0, record=None):
        super().__init__()
        try:
            self.many = many
            self.sink = self.enter_context(
                peers.Sink(workload.EVERYWHERE if many else workload.ADDRESSES, record=record,
                           samples=samples, options=["--no-prefix-faults"])
            )  # fmt: skip
            dns = self.enter_context(peers.Nsd(workload.zones(many)))
            self.daemon = self.enter_context(Daemon(
                {"dns": {"servers": [f"{dns.address}:{dns.port}"]},
                 "delivery": {"smtp_port": self.sink.port},
                 "alignment": {"enforce": False}},  # no name server knows the sender
                start=False,
            ))  # fmt: skip
            # The log is no part of the data: its bytes are counted by themselves.
            self.delivery_log = self.daemon.directory.file("delivery.log")
            self.daemon.settings["log"] = {"delivery_file": self.delivery_log}
            self.shape()
            self.daemon.start()
        except BaseException:
            self.close()
            raise

    def shape(self, message_rate="none", one_site_rate=None):
        """Limits for the next start, or for a reload."""
        self.daemon.shaping = workload.shaping(message_rate, one_site_rate)
        self.daemon.write_configuration()

    @property
    def pid(self):
        return self.daemon.process.pid

    def fill(self, shapes, deadline_s=600, name="Shop"):
        """A tenant with sender domains and customers, {shape: how many}; returns (tenant, DKIM
        records, seconds)."""
        tenant = self.daemon.create_tenant(name)
        workload.add_fields(tenant)
        records = {}
        for domain, ed25519 in ((workload.RSA_DOMAIN, False), (workload.BOTH_DOMAIN, True)):
            made = tenant.need(201, "POST", "/v1/domains", {"domain": domain, "ed25519": ed25519})
            for record in made.json["records"]:
                if record["purpose"] == "dkim":
                    records[record["name"]] = record["value"]
        path = self.daemon.directory.file("contacts.csv")
        workload.write_contacts(path, shapes, self.many)
        begun = time.monotonic()
        counts = workload.import_file(tenant, path, deadline_s)
        took_s = time.monotonic() - begun
        os.remove(path)
        if counts["created"] != sum(shapes.values()):
            raise RuntimeError(f"the import: {counts}")
        return tenant, records, took_s

    def drain(self, tenant, sender_domain, shape, messages, during=None, kilobytes=10):
        """Sends a campaign; returns its figures. `during` runs beside it on a thread: f(stop)."""
        self.sink.reset()
        stop = threading.Event()
        beside = threading.Thread(target=during, args=(stop,)) if during else None
        cpu_before, threads_before = cpu_s(self.pid), thread_cpu_s(self.pid)
        campaign = tenant.submit(workload.campaign(sender_domain, shape, kilobytes))
        if beside:
            beside.start()
        try:
            peers.wait_until(lambda: self.sink.stats()["messages"] >= messages, _DEADLINE_S,
                             f"{messages} messages at the sink", 0.05)  # fmt: skip
        finally:
            stop.set()
            if beside:
                beside.join()
        report = tenant.wait_finished(campaign)
        used_s, threads = cpu_s(self.pid) - cpu_before, thread_cpu_s(self.pid)
        if report["delivered"] != messages:
            raise RuntimeError(f"not all delivered: {report}")
        stats = self.sink.stats()
        split = {name: (used - threads_before.get(name, 0)) * 1e6 / messages
                 for name, used in threads.items()}  # fmt: skip
        return {
            "messages": messages,
            "us": used_s * 1e6 / messages,
            "messages_per_s": messages / stats["elapsed_s"],
            "sink_us": stats["cpu_us_per_message"],
            "threads_us": {name: round(us, 1) for name, us in
                           sorted(split.items(), key=lambda item: -item[1]) if us >= 0.5},
        }  # fmt: skip

    def expand_held(self, tenant, sender_domain, shape, recipients):
        """Expands a campaign that (almost) nothing leaves of, and stops the daemon.

        Returns the seconds from the submission until all recipients are durable.
        """
        self.restart("1/d")
        begun = time.monotonic()
        campaign = tenant.submit(workload.campaign(sender_domain, shape))
        report = tenant.wait_report(
            campaign, lambda r: r["expansion_complete"], _DEADLINE_S, "the expansion"
        )
        took_s = time.monotonic() - begun
        if report["recipients"] != recipients:
            raise RuntimeError(f"the expansion: {report}")
        return campaign, took_s

    def restart(self, message_rate="none", one_site_rate=None):
        self.shape(message_rate, one_site_rate)
        self.daemon.restart()

    def run_offline(self, program, *options, timeout_s=_DEADLINE_S):
        """A program that opens the stopped daemon's data; returns the JSON it prints."""
        done = subprocess.run(
            [peers.find_program(program), self.daemon.config_file, *options], check=False,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout_s,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def api_latencies(self, tenant, every_s=0.01):
        """(milliseconds list, function for drain's `during`): GET /v1/contacts/{id} again and again."""
        ids = [c["id"] for c in tenant.get("/v1/contacts?limit=100")["data"]]
        found = []

        def ask(stop):
            connection = http.client.HTTPConnection(*self.daemon.api_address, timeout=60)
            number = 0
            while not stop.is_set():
                begun = time.monotonic()
                connection.request("GET", f"/v1/contacts/{ids[number % len(ids)]}",
                                   headers={"Authorization": f"Bearer {tenant.key}"})  # fmt: skip
                answer = connection.getresponse()
                answer.read()
                found.append((time.monotonic() - begun) * 1e3)
                if answer.status != 200:
                    raise RuntimeError(f"GET /v1/contacts: {answer.status}")
                number += 1
                stop.wait(every_s)
            connection.close()

        return found, ask

    def commit_buckets(self):
        """{upper bound in seconds: commits} of /metrics, not cumulative."""
        text = self.daemon.platform("GET", "/metrics").body.decode()
        found, below = {}, 0
        for bound, count in re.findall(r'hikyaku_commit_seconds_bucket\{le="([^"]+)"\} (\d+)', text):
            found[float(bound)] = int(count) - below
            below = int(count)
        return found


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def bucket_percentile(before, after, share):
    """The bound under which `share` of what was counted in between lies, by linear interpolation."""
    counts = [(bound, count - before.get(bound, 0)) for bound, count in sorted(after.items())]
    wanted, low = share * sum(count for _, count in counts), 0.0
    for bound, count in counts:
        if count and wanted <= count:
            return low if bound == float("inf") else low + (bound - low) * wanted / count
        wanted, low = wanted - count, bound
    return low
