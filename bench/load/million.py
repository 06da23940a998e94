"""Many recipients in one queue: resident memory, bytes on disk, and how fast they get there."""

import os
import time

import drain
import peers
import workload

TENANTS = 200
_IMPORT_DEADLINE_S = 900
_DEADLINE_S = 3600


def measure(recipients, drained, tenants=TENANTS):
    """Figures as a dict.

    A million contacts are imported and queued beside `tenants` tenants; `drained` of them are then
    delivered, or all. The store is compacted before and after, and the growth of its live files
    is divided by the recipients scheduled and by those finished.
    """
    with drain.Bed() as bed:
        for number in range(tenants - 1):
            bed.daemon.create_tenant(f"Tenant {number}")
        tenant, _, import_s = bed.fill({"one": recipients}, _IMPORT_DEADLINE_S)
        import_peak = drain.peak_rss_mb(bed.pid)
        bed.daemon.stop()
        contacts = bed.run_offline("store_compact")["bytes"]
        bed.daemon.start()
        drain.reset_peak_rss(bed.pid)
        campaign, submit_s = bed.expand_held(tenant, workload.RSA_DOMAIN, "one", recipients)
        expand_peak = drain.peak_rss_mb(bed.pid)
        held = tenant.report(campaign)
        bed.daemon.stop()
        scheduled = bed.run_offline("store_compact")["bytes"]
        bed.sink.reset()
        bed.shape()
        log_bytes = os.path.getsize(bed.delivery_log)
        bed.daemon.start()
        ends = _drain(bed, tenant, campaign, recipients, drained)
        drain_peak = drain.peak_rss_mb(bed.pid)
        bed.daemon.stop()
        finished = bed.run_offline("store_compact")["bytes"]
        ended = ends - held["delivered"]
        return {
            "recipients": recipients,
            "drained": ends,
            "tenants": tenants,
            "import_s": import_s,
            "rss_mb_import": import_peak,
            "rss_mb": max(expand_peak, drain_peak),
            "submit_s": submit_s,
            "submit_recipients_per_s": recipients / submit_s,
            "disk_b_contact": contacts / recipients,
            "disk_b_scheduled": (scheduled - contacts) / recipients,
            # What is finished has left the queue's rows in proportion, at most its share of them.
            "disk_b_finished": (finished - scheduled) / ended
            if ends < recipients
            else (finished - contacts) / recipients,
            "log_b_finished": (os.path.getsize(bed.delivery_log) - log_bytes) / ended,
        }


def _drain(bed, tenant, campaign, recipients, drained):
    """Lets `drained` recipients get their mail; returns how many have their end at the stop."""
    if drained >= recipients:
        report = tenant.wait_finished(campaign, _DEADLINE_S)
        return report["delivered"]
    begun = time.monotonic()
    peers.wait_until(
        lambda: bed.sink.stats()["messages"] >= drained, _DEADLINE_S, "the drain", 0.2
    )
    tenant.act(campaign, "pause")
    report = tenant.wait_report(
        campaign, lambda r: r["in_flight"] == 0, 120, f"a pause after {time.monotonic() - begun} s"
    )
    return report["delivered"]
