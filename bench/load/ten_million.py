"""A very long queue: does it slow down what is sent, and how long does a start after a kill take?"""

import time

import drain
import peers
import workload

_IMPORT_DEADLINE_S = 900
_DEADLINE_S = 3600
#: A rate at which a site keeps what is queued for it.
_HELD = "1/d"
#: Queued recipients of the short queue that the long one is compared with.
_FEW = 10_000


def measure(contacts, campaigns, messages):
    """Figures as a dict.

    One tenant queues `campaigns` campaigns of `contacts` recipients for a site that takes one message a
    day; another sends `messages` to ten open sites: with 10,000 queued, twice with all of them queued,
    and with 10,000 again. Then the site is opened, the daemon killed and started again.
    """
    few = min(_FEW, contacts)
    with drain.Bed() as bed:
        bed.restart(one_site_rate=_HELD)
        big, _, _ = bed.fill({"one": contacts}, _IMPORT_DEADLINE_S, "Big")
        other, _, _ = bed.fill({"ten": messages}, name="Other")
        short = _queue(bed, big, few, contacts)
        _send(bed, other, messages)  # warm up
        with_few = [_send(bed, other, messages)]
        begun = time.monotonic()
        long = [_queue(bed, big, contacts, contacts) for _ in range(campaigns)]
        queue_s = time.monotonic() - begun
        with_all = [_send(bed, other, messages) for _ in range(2)]
        peak_mb = drain.peak_rss_mb(bed.pid)
        restart = _kill_and_start(bed, messages)
        for campaign in (short, *long):
            # The short one may have been sent meanwhile.
            if big.get(f"/v1/campaigns/{campaign}")["state"] != "finished":
                big.act(campaign, "cancel")
        bed.restart(one_site_rate=_HELD)
        _queue(bed, big, few, contacts)
        with_few.append(_send(bed, other, messages))
    return {
        "queued": contacts * campaigns,
        "campaigns": campaigns,
        "few": few,
        "few_messages_per_s": _mean(with_few, "messages_per_s"),
        "few_us": _mean(with_few, "us"),
        "all_messages_per_s": _mean(with_all, "messages_per_s"),
        "all_us": _mean(with_all, "us"),
        "queue_s": queue_s,
        "rss_mb": peak_mb,
        **restart,
    }


def _mean(runs, key):
    return sum(run[key] for run in runs) / len(runs)


def _send(bed, tenant, messages):
    return bed.drain(tenant, workload.RSA_DOMAIN, "ten", messages)


def _queue(bed, tenant, recipients, contacts):
    """Queues that many of the tenant's contacts for the held site; returns the campaign."""
    # Points repeat every 10,000 customers: a share of them is a share of all.
    below = max(1, recipients * 10_000 // contacts)
    conditions = [] if recipients == contacts else [{"field": "points", "op": "lt", "value": below}]
    campaign = tenant.submit(workload.campaign(workload.RSA_DOMAIN, conditions=conditions))
    report = tenant.wait_report(
        campaign, lambda r: r["expansion_complete"], _DEADLINE_S, "the expansion"
    )
    if recipients == contacts and report["recipients"] != contacts:
        raise RuntimeError(f"the expansion: {report}")
    return campaign


def _kill_and_start(bed, messages):
    """SIGKILL, then a start with the site open; the first delivery, and the rate of those queued."""
    bed.shape()
    bed.daemon.kill9()
    bed.sink.reset()
    begun = time.monotonic()
    bed.daemon.start(wait=False)
    peers.wait_until(lambda: bed.sink.stats()["messages"], 600, "the first delivery", 0.002)
    restart_s = time.monotonic() - begun
    peers.wait_until(
        lambda: bed.sink.stats()["messages"] >= messages, _DEADLINE_S, "the long queue", 0.05
    )
    stats = bed.sink.stats()
    return {
        "restart_s": restart_s,
        "own_messages_per_s": stats["messages"] / stats["elapsed_s"],
    }
