"""Many routing domains with an MX and an address each, against one domain."""

import drain
import workload


def measure(domains, each, single):
    """Figures as a dict: messages per second of one domain before and after the many, and of those.

    The many are strangers: their DNS look-ups and first connections are part of the figure.
    """
    with drain.Bed(many=domains) as bed:
        tenant, _, _ = bed.fill({"single": single, "many": domains * each})
        bed.drain(tenant, workload.RSA_DOMAIN, "single", single)  # warm up
        ones = [bed.drain(tenant, workload.RSA_DOMAIN, "single", single)]
        many = bed.drain(tenant, workload.RSA_DOMAIN, "many", domains * each)
        connections = bed.sink.stats()["sessions"]
        ones.append(bed.drain(tenant, workload.RSA_DOMAIN, "single", single))
    return {
        "domains": domains,
        "each": each,
        "one_messages_per_s": sum(run["messages_per_s"] for run in ones) / len(ones),
        "one_us": sum(run["us"] for run in ones) / len(ones),
        "many_messages_per_s": many["messages_per_s"],
        "many_us": many["us"],
        "many_sink_us": many["sink_us"],
        "connections": connections,
        "threads_us": many["threads_us"],
    }
