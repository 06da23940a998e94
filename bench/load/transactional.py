"""How long a single message takes from its submission to the receiver's 250, alone and beside a
broadcast of somebody else."""

import threading
import time

import drain
import peers
import workload

_SUBMITTERS = 4
_PATIENCE_S = 60


def measure(count, interval_s, broadcast):
    """Figures as a dict, in milliseconds: `count` messages, one every `interval_s`, to the site that the
    broadcast goes to and to nine others, some of which it goes to as well."""
    with drain.Bed(record="write") as bed:
        crowd, _, _ = bed.fill({"one": broadcast // 2, "ten": broadcast - broadcast // 2}, name="Crowd")
        shop, _, _ = bed.fill({"one": 1}, name="Shop")
        submit_all(bed, shop, "warm", 20, interval_s)
        idle = submit_all(bed, shop, "idle", count, interval_s)
        bed.sink.reset()
        campaign = []
        # The broadcast begins, and expands, while messages are submitted already.
        begin = threading.Timer(0.2 + count * interval_s / 10, lambda: campaign.append(_start(crowd)))
        begin.start()
        try:
            busy = submit_all(bed, shop, "busy", count, interval_s)
        finally:
            begin.join()
        sent = bed.sink.stats()["messages"]
        if crowd.report(campaign[0])["state"] == "finished":
            raise RuntimeError("the broadcast ended before the messages beside it: take a larger one")
        crowd.act(campaign[0], "cancel")
    return {
        "count": count,
        "broadcast_sent": sent - count,
        **{f"idle_{name}": value for name, value in summary(*idle).items()},
        **{f"busy_{name}": value for name, value in summary(*busy).items()},
    }


def _start(crowd):
    return crowd.submit(workload.campaign(workload.RSA_DOMAIN))


def summary(latencies, answered):
    return {
        "answered_ms_p50": drain.percentile(answered, 0.5),
        "answered_ms_p99": drain.percentile(answered, 0.99),
        "ms_p50": drain.percentile(latencies, 0.5),
        "ms_p99": drain.percentile(latencies, 0.99),
        "ms_max": max(latencies),
    }


def message_to(address):
    """A campaign of one recipient, as a system submits a password mail."""
    return {
        "name": "Password",
        "from": {"email": f"no-reply@{workload.RSA_DOMAIN}", "name": "店 Shop"},
        "subject": "パスワードの再設定 / Your password",
        "text": "{{ name }}様\n\nYour code is {{ code }}.\n",
        "audience": {
            "recipients": [{"email": address, "name": "佐藤", "variables": {"code": "481516"}}]
        },
        "stream": "transactional",
    }


def submit_all(bed, tenant, mark, count, interval_s):
    """Submits them evenly over time; returns the milliseconds from the time each was due to the
    receiver's 250, and those to the answer of its second request."""
    due, answered, errors, lock = {}, [], [], threading.Lock()
    first = time.time() + 0.2

    def address_of(number):
        domain = f"o{number % 10}.test" if number % 2 else f"t{number // 2 % 10}.test"
        return f"{mark}.{number}@{domain}"

    def submit(offset):
        try:
            for number in range(offset, count, _SUBMITTERS):
                at = first + number * interval_s
                time.sleep(max(0.0, at - time.time()))
                with lock:
                    due[address_of(number)] = at
                tenant.submit(message_to(address_of(number)))
                answered.append((time.time() - at) * 1e3)
        except Exception as error:  # noqa: BLE001  it is raised by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(_SUBMITTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    found = {}

    def all_there():
        found.update((r.recipient, r.time_ms) for r in bed.sink.records()
                     if r.ending == "accepted" and r.recipient in due)  # fmt: skip
        return len(found) == count

    peers.wait_until(all_there, _PATIENCE_S, f"{count} {mark} messages at the sink", 0.5)
    return [found[address] - due[address] * 1e3 for address in due], answered
