#!/usr/bin/env python3
"""The floor: the least CPU that a signed message can cost, measured in one run.

    floor.py [--signers N] [--seconds S] [--messages N] [--connections N] [--bin DIR]

sign_us         CPU of SHA-256 over 10 KB and one RSA-2048 signature, in a tight loop of
                OpenSSL calls, N threads at once (as many as the daemon has shards)
smtp_source_us  CPU of Postfix's smtp-source per 10 KB message over reused connections
floor_us        their sum
sink_us         CPU of the receiver per message: not part of the floor, but it shares the cores
"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import peers  # noqa: E402

MESSAGE_BYTES = 10240


def measure_sign(signers, seconds, message_bytes=MESSAGE_BYTES):
    done = subprocess.run(
        [peers.find_program("floor_sign"), str(signers), str(seconds), str(message_bytes)],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return json.loads(done.stdout)["sign_us"]


def measure_smtp(messages, connections, message_bytes=MESSAGE_BYTES):
    """CPU microseconds per message of smtp-source and of the sink, and messages per second."""
    with peers.Sink(record=None) as sink:
        options = ["-d", "-s", str(connections), "-l", str(message_bytes)]
        peers.smtp_source(sink.endpoints[0], max(messages // 10, connections), *options)  # warm up
        sink.reset()
        cpu_s = peers.smtp_source(sink.endpoints[0], messages, *options)
        stats = sink.stats()
    if stats["messages"] != messages:
        raise RuntimeError(f"{messages} messages sent, {stats['messages']} received")
    return cpu_s * 1e6 / messages, stats["cpu_us_per_message"], messages / stats["elapsed_s"]


def measure(signers, seconds, messages, connections, message_bytes=MESSAGE_BYTES):
    """All figures as a dict; see the top of this file."""
    sign_us = measure_sign(signers, seconds, message_bytes)
    smtp_source_us, sink_us, messages_per_s = measure_smtp(messages, connections, message_bytes)
    return {
        "signers": signers,
        "sign_us": round(sign_us, 2),
        "smtp_source_us": round(smtp_source_us, 2),
        "floor_us": round(sign_us + smtp_source_us, 2),
        "sink_us": round(sink_us, 2),
        "smtp_source_messages_per_s": round(messages_per_s),
    }


def main():
    peers.exit_on_sigterm()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--signers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--bytes", type=int, default=MESSAGE_BYTES, help="of a message")
    parser.add_argument("--bin", help="directory of sink and floor_sign")
    given = parser.parse_args()
    if given.bin:
        os.environ["HK_BIN"] = given.bin
    print(json.dumps(measure(given.signers, given.seconds, given.messages, given.connections,
                             given.bytes)))  # fmt: skip


if __name__ == "__main__":
    main()
