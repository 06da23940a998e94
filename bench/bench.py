#!/usr/bin/env python3
"""Measures Hikyaku beside its floor and its rival, on this machine, in one run.

    bench.py --build-dir DIR [--only PART ...] [--quick] [--no-write] [sizes, see --help]

Every part uses the same receiver (bench/load/sink) on loopback and the same 10 KB messages, unless it
says otherwise. What is claimed are ratios of one run: absolute figures drift with the machine and its
neighbours. Parts, each with its own control beside it:

    daemon         CPU per message signed and unsigned against the floor; sites; API
    postfix        the rival: Postfix with opendkim
    outcome        lease, settle, commit by itself
    million        a million queued: memory, disk, submission, import
    large          messages of 100 KB against a floor of 100 KB
    domains        ten thousand routing domains against one
    ten_million    ten million queued against ten thousand; restart after a kill
    transactional  submission to 250, alone and beside a broadcast

Writes bench/RESULTS.md and bench/results.json, unless --only, --no-write or --quick is given.
"""

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "tests", "support"), os.path.join(HERE, "load")]
import domains  # noqa: E402
import drain  # noqa: E402
import floor  # noqa: E402
import large  # noqa: E402
import million  # noqa: E402
import peers  # noqa: E402
import postfix_opendkim  # noqa: E402
import ten_million  # noqa: E402
import transactional  # noqa: E402
import workload  # noqa: E402

SAMPLE_EVERY = 50
CONNECTIONS = 20


def say(text):
    print(f"  {datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def check_signatures(samples, records, domain, keys):
    """All samples from `domain` have `keys` good signatures."""
    check = peers.Dkim(records)
    mine = [s for s in samples if f"d={domain};".encode() in s.message]
    good = sum(1 for s in mine if check.count(s.message) == keys and check.verify_all(s.message))
    if not mine or good != len(mine):
        raise RuntimeError(f"{good} of {len(mine)} samples of {domain} are signed correctly")
    return good


def measure_floor(shards, quick):
    return floor.measure(shards, 0.5 if quick else 3, 500 if quick else 30_000, CONNECTIONS)


def measure_daemon(messages, quick):
    """Signed, unsigned, one and ten sites, the API beside it."""
    figures = {}
    rounds = 1 if quick else 2
    with drain.Bed(samples=SAMPLE_EVERY) as bed:
        say(f"contacts: {2 * messages}")
        tenant, records, _ = bed.fill({"one": messages, "ten": messages})
        bed.drain(tenant, workload.RSA_DOMAIN, "one", messages)  # caches, connections, page cache
        one, ten = [], []
        before = bed.commit_buckets()
        for _ in range(rounds):
            say("signed, one site")
            one.append(bed.drain(tenant, workload.RSA_DOMAIN, "one", messages))
            say("signed, ten sites")
            ten.append(bed.drain(tenant, workload.RSA_DOMAIN, "ten", messages))
            commits = bed.commit_buckets()  # few are remembered: ask often
        say("signed with both keys")
        both = bed.drain(tenant, workload.BOTH_DOMAIN, "one", messages)
        say("signed, with requests beside it")
        latencies, ask = bed.api_latencies(tenant)
        bed.drain(tenant, workload.RSA_DOMAIN, "one", messages, during=ask)
        samples = bed.sink.samples()
        figures["verified"] = check_signatures(samples, records, workload.RSA_DOMAIN, 1)
        figures["verified"] += check_signatures(samples, records, workload.BOTH_DOMAIN, 2)
        figures["message_bytes"] = round(statistics.mean(len(s.message) for s in samples))
        bed.expand_held(tenant, workload.RSA_DOMAIN, "one", messages)
        bed.shape()
        bed.daemon.stop()
        say("unsigned")
        bed.sink.reset()
        plain = bed.run_offline("engine_bench")
        stats = bed.sink.stats()
    figures["signed_runs"] = one
    figures["signed_us"] = statistics.mean(run["us"] for run in one)
    figures["messages_per_s"] = statistics.mean(run["messages_per_s"] for run in one)
    figures["ten_us"] = statistics.mean(run["us"] for run in ten)
    figures["ten_messages_per_s"] = statistics.mean(run["messages_per_s"] for run in ten)
    figures["both_us"], figures["both_messages_per_s"] = both["us"], both["messages_per_s"]
    figures["sink_us"] = statistics.mean(run["sink_us"] for run in one)
    figures["unsigned_us"] = plain["cpu_s"] * 1e6 / plain["messages"]
    figures["unsigned_messages_per_s"] = stats["messages"] / stats["elapsed_s"]
    figures["commit_ms_p99"] = drain.bucket_percentile(before, commits, 0.99) * 1e3
    figures["api_ms_p99_busy"] = drain.percentile(latencies, 0.99)
    figures["threads_us"] = one[-1]["threads_us"]
    return figures


def measure_outcome(quick):
    with tempfile.TemporaryDirectory(prefix="hikyaku-bench-") as directory:
        done = subprocess.run(
            [peers.find_program("outcome"), directory, "2000" if quick else "100000"], check=True,
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return json.loads(done.stdout)["outcome_us"]


def measure_beside_floor(given):
    """The daemon between two measurements of the floor."""
    shards = os.cpu_count()
    say("floor")
    floors = [measure_floor(shards, given.quick)]
    figures = measure_daemon(given.messages, given.quick)
    say("floor again")
    floors.append(measure_floor(shards, given.quick))
    figures["floor"] = {
        key: statistics.mean(f[key] for f in floors) for key in floors[0] if key != "signers"
    }
    return figures


def measure_large(given):
    seconds, messages = (0.5, 200) if given.quick else (3, 10_000)
    return large.measure(given.large, messages, os.cpu_count(), seconds, CONNECTIONS)


#: What can be measured by itself, in this order.
PARTS = {
    "daemon": measure_beside_floor,
    "postfix": lambda given: postfix_opendkim.measure(given.postfix, CONNECTIONS),
    "outcome": lambda given: measure_outcome(given.quick),
    "million": lambda given: million.measure(given.million, given.drain, given.tenants),
    "large": measure_large,
    "domains": lambda given: domains.measure(given.domains, given.each, given.single),
    "ten_million": lambda given: ten_million.measure(given.contacts, given.campaigns, given.open),
    "transactional": lambda given: transactional.measure(
        given.transactional, given.interval, given.broadcast
    ),
}


def measure(given):
    """{part: its figures} of the parts wanted, and how many seconds each took."""
    found, took_s = {}, {}
    for part in [name for name in PARTS if not given.only or name in given.only]:
        say(f"--- {part}")
        begun = time.monotonic()
        found[part] = PARTS[part](given)
        took_s[part] = time.monotonic() - begun
    say("done")
    return found, took_s


def keys_of_queues(found):
    """The keys of results.json that the parts on long queues and many sites give."""
    figures = {}
    if "large" in found:
        figures["signed_over_floor_100k"] = found["large"]["us"] / found["large"]["floor_us"]
    if "domains" in found:
        d = found["domains"]
        # What ten thousand domains reach of what one does.
        figures["one_domain_over_ten_thousand"] = d["many_messages_per_s"] / d["one_messages_per_s"]
    if "ten_million" in found:
        t = found["ten_million"]
        figures["ten_million_over_ten_thousand"] = t["all_messages_per_s"] / t["few_messages_per_s"]
        figures["restart_s_10m"] = t["restart_s"]
    if "transactional" in found:
        figures["tx_ms_p99_idle"] = found["transactional"]["idle_ms_p99"]
        figures["tx_ms_p99_busy"] = found["transactional"]["busy_ms_p99"]
    return figures


def keys_of(found):
    """The keys of results.json, of the parts that were measured."""
    figures = {}
    if "daemon" in found:
        d = found["daemon"]
        figures |= {
            "floor_us": d["floor"]["floor_us"],
            "signed_us": d["signed_us"],
            "unsigned_us": d["unsigned_us"],
            "signed_over_floor": d["signed_us"] / d["floor"]["floor_us"],
            "messages_per_s": d["messages_per_s"],
            "commit_ms_p99": d["commit_ms_p99"],
            "api_ms_p99_busy": d["api_ms_p99_busy"],
            "one_site_over_ten_sites": d["messages_per_s"] / d["ten_messages_per_s"],
        }
    if "postfix" in found:
        figures["postfix_messages_per_s"] = found["postfix"]["messages_per_s"]
    if "daemon" in found and "postfix" in found:
        figures["over_postfix"] = figures["messages_per_s"] / figures["postfix_messages_per_s"]
    if "outcome" in found:
        figures["outcome_us"] = found["outcome"]
    if "million" in found:
        m = found["million"]
        figures |= {
            "rss_mb_1m": m["rss_mb"],
            "disk_b_scheduled": m["disk_b_scheduled"],
            "disk_b_finished": m["disk_b_finished"],
            "submit_recipients_per_s": m["submit_recipients_per_s"],
        }
    figures |= keys_of_queues(found)
    return {key: float(f"{value:.4g}") for key, value in figures.items()}


def runs_of(found):
    """Rows of (what, CPU µs per message, messages/s)."""
    runs = []
    if "daemon" in found:
        d, f = found["daemon"], found["daemon"]["floor"]
        runs += [
            ("floor: RSA-2048 signature", f["sign_us"], None),
            ("floor: smtp-source", f["smtp_source_us"], f["smtp_source_messages_per_s"]),
            ("**floor**", f["floor_us"], None),
            ("**Hikyaku, RSA-2048, one site**", d["signed_us"], d["messages_per_s"]),
            ("Hikyaku, RSA-2048, ten sites", d["ten_us"], d["ten_messages_per_s"]),
            ("Hikyaku, RSA-2048 and Ed25519", d["both_us"], d["both_messages_per_s"]),
            ("Hikyaku, unsigned (sending half only)", d["unsigned_us"],
             d["unsigned_messages_per_s"]),
            ("the receiver, while Hikyaku sends (in none of the above)", d["sink_us"], None),
        ]  # fmt: skip
    if "postfix" in found:
        p = found["postfix"]
        runs += [("Postfix + opendkim", p["cpu_us_per_message"], p["messages_per_s"])]
    if "large" in found:
        p = found["large"]
        runs += [
            ("floor of 100 KB", p["floor_us"], None),
            (f"Hikyaku, RSA-2048, {p['message_bytes']:,} bytes", p["us"], p["messages_per_s"]),
        ]
    if "domains" in found:
        p = found["domains"]
        runs += [
            ("one domain", p["one_us"], p["one_messages_per_s"]),
            (f"{p['domains']:,} domains with an MX each, {p['each']} messages each "
             f"({p['connections']:,} connections)", p["many_us"], p["many_messages_per_s"]),
        ]  # fmt: skip
    if "ten_million" in found:
        p = found["ten_million"]
        runs += [
            (f"ten sites, {p['few']:,} queued for another", p["few_us"], p["few_messages_per_s"]),
            (f"ten sites, {p['queued']:,} queued for another", p["all_us"], p["all_messages_per_s"]),
            ("of those queued, after the restart", None, p["own_messages_per_s"]),
        ]
    return runs


def figures_of_million(m):
    return [
        (f"peak resident, {m['recipients']:,} queued, {m['drained']:,} drained, {m['tenants']} tenants",
         f"{m['rss_mb']:.0f} MB", "≤ 256 MB"),
        ("peak resident during the import before it", f"{m['rss_mb_import']:.0f} MB", ""),
        ("disk per scheduled recipient", f"{m['disk_b_scheduled']:.1f} B", "≤ 8 B"),
        ("disk per finished recipient", f"{m['disk_b_finished']:.1f} B", "≤ 64 B"),
        ("delivery.log per finished recipient", f"{m['log_b_finished']:.0f} B", ""),
        ("disk per contact (10 fields)", f"{m['disk_b_contact']:.0f} B", ""),
        ("submission, recipients made durable", f"{m['submit_recipients_per_s']:,.0f}/s",
         "≥ 50,000/s"),
        (f"CSV import, {m['recipients']:,} rows × 10 fields", f"{m['import_s']:.1f} s", "≤ 30 s"),
    ]  # fmt: skip


def figures_of(found, keys):
    """Rows of (what, figure, target)."""
    rows = []

    def add(key, what, form, target=""):
        if key in keys:
            rows.append((what, form.format(keys[key]), target))

    add("signed_over_floor", "signed / floor", "{:.2f}", "≤ 1.25")
    add("signed_over_floor_100k", "signed / floor, 100 KB", "{:.2f}")
    add("unsigned_us", "unsigned", "{:.0f} µs", "≤ 110 µs")
    add("over_postfix", "messages/s / Postfix + opendkim", "{:.1f} ×", "≥ 12 ×")
    if "over_postfix" in keys:
        ratio = found["postfix"]["cpu_us_per_message"] / found["daemon"]["signed_us"]
        rows.append(("CPU of Postfix + opendkim / Hikyaku", f"{ratio:.1f} ×", ""))
    add("one_site_over_ten_sites", "one site / ten sites, messages/s", "{:.1%}", "≥ 95 %")
    add("one_domain_over_ten_thousand", "ten thousand domains / one, messages/s", "{:.1%}", "≥ 80 %")
    add("ten_million_over_ten_thousand", "ten million queued / ten thousand, messages/s", "{:.1%}",
        "≥ 90 %")  # fmt: skip
    add("restart_s_10m", "first delivery after a kill with ten million queued", "{:.2f} s", "≤ 2 s")
    if "ten_million" in found:
        t = found["ten_million"]
        rows.append((f"{t['campaigns']} campaigns queued, {t['queued']:,} recipients",
                     f"{t['queue_s']:.1f} s", ""))  # fmt: skip
        rows.append(("peak resident with those queued", f"{t['rss_mb']:.0f} MB", ""))
    if "million" in found:
        rows += figures_of_million(found["million"])
    add("commit_ms_p99", "commit, p99", "{:.1f} ms")
    add("api_ms_p99_busy", "API p99 while sending", "{:.1f} ms", "≤ 50 ms")
    add("outcome_us", "outcome (lease, settle, commit)", "{:.1f} µs")
    add("tx_ms_p99_idle", "transactional, submission to 250, p99, idle", "{:.0f} ms", "≤ 1000 ms")
    add("tx_ms_p99_busy", "the same beside a broadcast to the same sites", "{:.0f} ms", "≤ 1000 ms")
    if "transactional" in found:
        t = found["transactional"]
        for name, beside in (("idle", "idle"), ("busy", f"beside {t['broadcast_sent']:,} messages")):
            shown = [t[f"{name}_{key}"] for key in
                     ("ms_p50", "ms_max", "answered_ms_p50", "answered_ms_p99")]  # fmt: skip
            rows.append((f"p50, maximum; p50, p99 of the two requests ({t['count']} {beside})",
                         "{:.0f}, {:.0f}; {:.0f}, {:.0f} ms".format(*shown), ""))  # fmt: skip
    return rows


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if "model name" in line), "?")
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False)
    return (f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
            f"{openssl.stdout.strip()[:20].strip()}")  # fmt: skip


def tables(found, keys):
    """The figures as two tables."""
    lines = ["| what | CPU µs per message | messages/s |", "|---|---:|---:|"]
    for what, us, rate in runs_of(found):
        shown = [f"{value:,.0f}" if value else "" for value in (us, rate)]
        lines.append(f"| {what} | {shown[0]} | {shown[1]} |")
    lines += ["", "| figure | measured | target |", "|---|---:|---:|"]
    lines += [f"| {what} | {value} | {target} |" for what, value, target in figures_of(found, keys)]
    return lines


def threads_of(figures):
    return ", ".join(f"{name} {us}" for name, us in figures["threads_us"].items())


def commands(took_s, given):
    """How to repeat one part by itself."""
    sizes = {
        "daemon": ("messages",), "postfix": ("postfix",), "million": ("million", "drain", "tenants"),
        "large": ("large",), "domains": ("domains", "each", "single"),
        "ten_million": ("contacts", "campaigns", "open"),
        "transactional": ("transactional", "interval", "broadcast"),
    }  # fmt: skip
    lines = ["| part | seconds | by itself, after `make build` |", "|---|---:|---|"]
    for part, seconds in took_s.items():
        shown = "".join(f" --{name} {getattr(given, name)}" for name in sizes.get(part, ()))
        lines.append(f"| {part} | {seconds:.0f} | `python3 bench/bench.py --only {part}{shown}` |")
    return lines


def render(found, keys, took_s, given, command):
    d = found["daemon"]
    lines = [
        "# Results of the last `make bench`",
        "",
        f"{datetime.date.today()}, {machine()}.",
        "",
        f"    {command}",
        "",
        "Everything in one run, on loopback, with the same receiver (`bench/load/sink`), one",
        f"recipient per message, messages of {d['message_bytes']:,} bytes (the floor and Postfix:",
        "10,240). CPU is that of the sending process (or processes), all threads. Compare ratios:",
        "absolute figures drift with the machine.",
        "",
        *tables(found, keys),
        "",
        f"Signatures of {d['verified']} sampled messages were verified with dkimpy. Threads of the",
        "daemon, CPU µs per message (name and thread id):",
        "",
        f"- the last signed run: {threads_of(d)}",
        f"- 100 KB: {threads_of(found['large'])}",
        f"- many domains: {threads_of(found['domains'])}",
        "",
        *commands(took_s, given),
        "",
        "How each figure is taken: `bench/load/drain.py` (a campaign from submission to its last",
        "recipient), `bench/load/engine_bench.cpp` (unsigned: the sending half of the daemon on the",
        "daemon's own data, with the signature left out), `bench/load/million.py` (memory and disk),",
        "`bench/load/floor.py`, `bench/load/postfix_opendkim.py`, `bench/micro/outcome.cpp`,",
        "`bench/load/large.py`, `bench/load/domains.py`, `bench/load/ten_million.py`,",
        "`bench/load/transactional.py`.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def command_line(arguments):
    """How to repeat the run."""
    shown = list(arguments)
    if "--build-dir" in shown:
        at = shown.index("--build-dir")
        del shown[at : at + 2]
    return f'make bench BENCH_ARGS="{shlex.join(shown)}"' if shown else "make bench"


QUICK = {
    "messages": 300, "postfix": 100, "million": 2_000, "drain": 500, "tenants": 3, "large": 100,
    "domains": 20, "each": 5, "single": 100, "contacts": 1_000, "campaigns": 3, "open": 100,
    "transactional": 20, "interval": 0.05, "broadcast": 10_000,
}  # fmt: skip


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--build-dir", default=os.path.join(ROOT, "build", "release"))
    add("--only", action="append", choices=PARTS, help="this part, and others that are named so")
    add("--quick", action="store_true", help="tiny sizes: does it still work?")
    add("--no-write", action="store_true", help="print only")
    add("--all", action="store_true", help="million: send all of them")
    sizes = {
        "messages": (20_000, "daemon: messages of each campaign"),
        "postfix": (3_000, "postfix: messages"),
        "million": (1_000_000, "million: recipients queued at once"),
        "drain": (100_000, "million: of those, how many are sent"),
        "tenants": (million.TENANTS, "million: tenants"),
        "large": (4_000, "large: messages"),
        "domains": (10_000, "domains: how many"),
        "each": (50, "domains: messages for each"),
        "single": (50_000, "domains: messages for the one domain"),
        "contacts": (1_000_000, "ten_million: recipients of each campaign"),
        "campaigns": (10, "ten_million: campaigns queued"),
        "open": (20_000, "ten_million: messages sent meanwhile"),
        "transactional": (300, "transactional: messages, alone and again beside the broadcast"),
        "interval": (0.1, "transactional: seconds from one to the next"),
        "broadcast": (300_000, "transactional: recipients of the broadcast"),
    }
    for name, (size, what) in sizes.items():
        add(f"--{name}", type=type(size), metavar="N", help=f"{what} ({size:,})")
    given = parser.parse_args()
    for name, (size, _) in sizes.items():
        if getattr(given, name) is None:
            setattr(given, name, QUICK[name] if given.quick else size)
    if given.all:
        given.drain = given.million
    return given


def main():
    peers.exit_on_sigterm()
    given = parse()
    os.environ["HK_BIN"] = os.path.join(os.path.abspath(given.build_dir), "bin")
    found, took_s = measure(given)
    keys = keys_of(found)
    if given.only:
        print("\n".join(["", *tables(found, keys), "", json.dumps(keys, indent=1)]))
        for part in found:
            if isinstance(found[part], dict) and "threads_us" in found[part]:
                print(f"{part}, CPU µs per message: {threads_of(found[part])}")
        return
    text = render(found, keys, took_s, given, command_line(sys.argv[1:]))
    print(text)
    if not given.quick and not given.no_write:
        with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as out:
            out.write(text)
        with open(os.path.join(HERE, "results.json"), "w", encoding="utf-8") as out:
            json.dump(keys, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
