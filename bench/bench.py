#!/usr/bin/env python3
"""Measures Hikyaku beside its floor and its rival, on this machine, in one run.

    bench.py --build-dir DIR [--messages N] [--quick] [--million N] [--drain N] [--all] [--no-write]

Every part uses the same receiver (bench/load/sink) on loopback and the same 10 KB messages. What is
claimed are ratios of one run: absolute figures drift with the machine and its neighbours. Writes
bench/RESULTS.md and bench/results.json, unless --no-write or --quick is given.
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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "tests", "support"), os.path.join(HERE, "load")]
import drain  # noqa: E402
import floor  # noqa: E402
import million  # noqa: E402
import peers  # noqa: E402
import postfix_opendkim  # noqa: E402
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
        tenant, records, _ = bed.fill(["one", "ten"], messages)
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


def measure(given):
    found = {}
    shards = os.cpu_count()
    say("floor")
    floors = [measure_floor(shards, given.quick)]
    found["daemon"] = measure_daemon(given.messages, given.quick)
    say("floor again")
    floors.append(measure_floor(shards, given.quick))
    found["floor"] = {
        key: statistics.mean(f[key] for f in floors) for key in floors[0] if key != "signers"
    }
    say("Postfix and opendkim")
    found["postfix"] = postfix_opendkim.measure(given.postfix_messages, CONNECTIONS)
    say("outcomes")
    found["outcome_us"] = measure_outcome(given.quick)
    say(f"{given.million} recipients")
    found["million"] = million.measure(given.million, given.drain, given.tenants)
    return found


def keys_of(found):
    """The keys of results.json."""
    d, m = found["daemon"], found["million"]
    figures = {
        "floor_us": found["floor"]["floor_us"],
        "signed_us": d["signed_us"],
        "unsigned_us": d["unsigned_us"],
        "signed_over_floor": d["signed_us"] / found["floor"]["floor_us"],
        "outcome_us": found["outcome_us"],
        "messages_per_s": d["messages_per_s"],
        "postfix_messages_per_s": found["postfix"]["messages_per_s"],
        "over_postfix": d["messages_per_s"] / found["postfix"]["messages_per_s"],
        "rss_mb_1m": m["rss_mb"],
        "disk_b_scheduled": m["disk_b_scheduled"],
        "disk_b_finished": m["disk_b_finished"],
        "submit_recipients_per_s": m["submit_recipients_per_s"],
        "commit_ms_p99": d["commit_ms_p99"],
        "api_ms_p99_busy": d["api_ms_p99_busy"],
        "one_site_over_ten_sites": d["messages_per_s"] / d["ten_messages_per_s"],
    }
    return {key: float(f"{value:.4g}") for key, value in figures.items()}


def table(found, keys):
    """Rows of (what, CPU µs per message, messages/s), then rows of (what, figure, target)."""
    d, f, p, m = found["daemon"], found["floor"], found["postfix"], found["million"]
    runs = [
        ("floor: RSA-2048 signature", f["sign_us"], None),
        ("floor: smtp-source", f["smtp_source_us"], f["smtp_source_messages_per_s"]),
        ("**floor**", f["floor_us"], None),
        ("**Hikyaku, RSA-2048, one site**", d["signed_us"], d["messages_per_s"]),
        ("Hikyaku, RSA-2048, ten sites", d["ten_us"], d["ten_messages_per_s"]),
        ("Hikyaku, RSA-2048 and Ed25519", d["both_us"], d["both_messages_per_s"]),
        ("Hikyaku, unsigned (sending half only)", d["unsigned_us"], d["unsigned_messages_per_s"]),
        ("Postfix + opendkim", p["cpu_us_per_message"], p["messages_per_s"]),
        ("the receiver, while Hikyaku sends (in none of the above)", d["sink_us"], None),
    ]
    figures = [
        ("signed / floor", f"{keys['signed_over_floor']:.2f}", "≤ 1.25"),
        ("unsigned", f"{keys['unsigned_us']:.0f} µs", "≤ 110 µs"),
        ("messages/s / Postfix + opendkim", f"{keys['over_postfix']:.1f} ×", "≥ 12 ×"),
        ("CPU of Postfix + opendkim / Hikyaku",
         f"{p['cpu_us_per_message'] / d['signed_us']:.1f} ×", ""),
        ("one site / ten sites, messages/s", f"{keys['one_site_over_ten_sites']:.1%}", "≥ 95 %"),
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
        ("commit, p99", f"{keys['commit_ms_p99']:.1f} ms", ""),
        ("API p99 while sending", f"{keys['api_ms_p99_busy']:.1f} ms", "≤ 50 ms"),
        ("outcome (lease, settle, commit)", f"{keys['outcome_us']:.1f} µs", ""),
    ]  # fmt: skip
    return runs, figures


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if "model name" in line), "?")
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False)
    return (f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
            f"{openssl.stdout.strip()[:20].strip()}")  # fmt: skip


def render(found, keys, command):
    runs, figures = table(found, keys)
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
        "| what | CPU µs per message | messages/s |",
        "|---|---:|---:|",
    ]
    for what, us, rate in runs:
        lines.append(f"| {what} | {us:,.0f} | {f'{rate:,.0f}' if rate else ''} |")
    lines += ["", "| figure | measured | target |", "|---|---:|---:|"]
    lines += [f"| {what} | {value} | {target} |" for what, value, target in figures]
    lines += [
        "",
        f"Signatures of {d['verified']} sampled messages were verified with dkimpy. Threads of the",
        "daemon in the last signed run, CPU µs per message (name and thread id): "
        + ", ".join(f"{name} {us}" for name, us in d["threads_us"].items()) + ".",
        "",
        "How each figure is taken: `bench/load/drain.py` (a campaign from submission to its last",
        "recipient), `bench/load/engine_bench.cpp` (unsigned: the sending half of the daemon on the",
        "daemon's own data, with the signature left out), `bench/load/million.py` (memory and disk),",
        "`bench/load/floor.py`, `bench/load/postfix_opendkim.py`, `bench/micro/outcome.cpp`.",
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


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build-dir", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--messages", type=int, default=20_000, help="of each campaign")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it still work?")
    parser.add_argument("--million", type=int, default=1_000_000, help="recipients queued at once")
    parser.add_argument("--drain", type=int, default=100_000, help="of those, how many are sent")
    parser.add_argument("--all", action="store_true", help="send all of them")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args()
    given.tenants, given.postfix_messages = million.TENANTS, 3_000
    if given.quick:
        given.messages, given.million, given.drain = 300, 2_000, 500
        given.tenants, given.postfix_messages = 3, 100
    if given.all:
        given.drain = given.million
    return given


def main():
    peers.exit_on_sigterm()
    given = parse()
    os.environ["HK_BIN"] = os.path.join(os.path.abspath(given.build_dir), "bin")
    found = measure(given)
    keys = keys_of(found)
    text = render(found, keys, command_line(sys.argv[1:]))
    print(text)
    if not given.quick and not given.no_write:
        with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as out:
            out.write(text)
        with open(os.path.join(HERE, "results.json"), "w", encoding="utf-8") as out:
            json.dump(keys, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
