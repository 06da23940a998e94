"""Messages of 100 KB: what they cost beside a floor of the same size."""

import drain
import floor
import workload

_BYTES = 102_400


def measure(messages, floor_messages, shards, seconds, connections):
    """Figures as a dict: the floor before and after, the daemon in between, in microseconds."""
    floors = [floor.measure(shards, seconds, floor_messages, connections, _BYTES)]
    with drain.Bed() as bed:
        tenant, _, _ = bed.fill({"one": messages})
        bed.drain(tenant, workload.RSA_DOMAIN, "one", messages, kilobytes=100)  # warm up
        bed.sink.reset()
        run = bed.drain(tenant, workload.RSA_DOMAIN, "one", messages, kilobytes=100)
        size = bed.sink.stats()["bytes"] / messages
    floors.append(floor.measure(shards, seconds, floor_messages, connections, _BYTES))
    return {
        "us": run["us"],
        "messages_per_s": run["messages_per_s"],
        "message_bytes": round(size),
        "floor_us": sum(f["floor_us"] for f in floors) / len(floors),
        "threads_us": run["threads_us"],
    }
