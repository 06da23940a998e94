"""The outside world of the tests, the demonstration and the benchmarks, on loopback only.

    with Nsd({"example.test": "@ IN MX 10 mx"}) as dns, Sink(["127.0.0.2"]) as sink: ...

Everything here is a context manager; nothing survives the program, however it ends.
The machines need Debian's postfix, nsd, unbound, opendkim, opendkim-tools, python3-dkim.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from dkim_check import Dkim, sign  # noqa: E402,F401
from dns_peers import (  # noqa: E402,F401
    NOERROR,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    Nsd,
    Unbound,
    query,
)
from postfix_peers import (  # noqa: E402,F401
    Certificate,
    Opendkim,
    PostfixInstance,
    PostfixReceiver,
    make_certificate,
)
from processes import (  # noqa: E402,F401
    Directory,
    Peer,
    Process,
    accepts_tcp,
    cpu_seconds,
    exit_on_sigterm,
    free_port,
    group_members,
    wait_until,
)
from smtp_peers import (  # noqa: E402,F401
    Received,
    Sample,
    Sink,
    SmtpSink,
    find_program,
    smtp_source,
)
