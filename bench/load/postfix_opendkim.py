#!/usr/bin/env python3
"""The rival: Postfix that signs through opendkim, measured as Hikyaku is.

    postfix_opendkim.py [--messages N] [--connections N] [--no-dkim] [--bin DIR]

smtp-source → private Postfix (queue on disk, opendkim milter, RSA-2048, relaxed/relaxed) →
sink. The time runs from the first message offered to the last one at the sink; the CPU is that
of all Postfix processes and opendkim, neither smtp-source nor the sink. One sampled message
in a hundred is verified, so that a rival that forgets to sign wins nothing.
"""

import argparse
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import peers  # noqa: E402

MESSAGE_BYTES = 10240
DOMAIN = "sender.test"
SAMPLE_EVERY = 100
DEADLINE_S_PER_MESSAGE = 0.1


def make_postfix(sink, signer):
    """Postfix's defaults, apart from what a relay of this kind must set or gains from."""
    main = {
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "default_transport": f"smtp:[127.0.0.1]:{sink.port}",
        "disable_dns_lookups": "yes",
        "in_flow_delay": "0",  # else a burst is slowed down on purpose
        "smtp_connection_cache_on_demand": "yes",
    }
    if signer is not None:
        main |= {"smtpd_milters": signer.milter, "milter_default_action": "tempfail"}
    return peers.PostfixInstance(main)


def cpu_of(processes):
    return sum(peers.cpu_seconds(process) for process in processes)


def check_signatures(sink, signer):
    check = peers.Dkim({f"s1._domainkey.{DOMAIN}": signer.record})
    samples = sink.samples()
    good = sum(1 for sample in samples if check.verify_all(sample.message))
    if not samples or good != len(samples):
        raise RuntimeError(f"{good} of {len(samples)} sampled messages are signed correctly")


def run(messages, connections, sink, postfix, signer):
    processes = [postfix.process] + ([signer.process] if signer else [])
    options = ["-s", str(connections), "-l", str(MESSAGE_BYTES), "-d", "-N"]
    options += ["-f", f"news@{DOMAIN}", "-t", "user@example.test"]
    endpoint = (postfix.address, postfix.port)
    peers.smtp_source(endpoint, 4 * connections, *options)  # starts the processes
    sink.await_messages(4 * connections)
    sink.reset()
    cpu_before, begun = cpu_of(processes), time.monotonic()
    deadline_s = 60 + messages * DEADLINE_S_PER_MESSAGE
    peers.smtp_source(endpoint, messages, *options, timeout_s=deadline_s)
    submitted_s = time.monotonic() - begun
    sink.await_messages(messages, deadline_s)
    elapsed_s = time.monotonic() - begun
    peers.wait_until(lambda: postfix.queued() == 0, 30, "an empty queue")
    cpu_s = cpu_of(processes) - cpu_before
    return {
        "messages": messages,
        "messages_per_s": round(messages / elapsed_s, 1),
        "cpu_us_per_message": round(cpu_s * 1e6 / messages, 1),
        "submitted_per_s": round(messages / submitted_s, 1),
        "sink_us": round(sink.stats()["cpu_us_per_message"], 1),
        "signed": signer is not None,
    }


def measure(messages, connections, dkim=True):
    """All figures as a dict; see the top of this file."""
    signer = peers.Opendkim(DOMAIN) if dkim else None
    try:
        with peers.Sink(record=None, samples=SAMPLE_EVERY) as sink:
            with make_postfix(sink, signer) as postfix:
                figures = run(messages, connections, sink, postfix, signer)
            if signer is not None:
                check_signatures(sink, signer)
        return figures
    finally:
        if signer is not None:
            signer.close()


def main():
    peers.exit_on_sigterm()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=3_000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--no-dkim", action="store_true", help="the same without opendkim")
    parser.add_argument("--bin", help="directory of sink")
    given = parser.parse_args()
    if given.bin:
        os.environ["HK_BIN"] = given.bin
    print(json.dumps(measure(given.messages, given.connections, not given.no_dkim)))


if __name__ == "__main__":
    main()
