"""CPU time and memory of processes, by role."""

from __future__ import annotations

import subprocess
import sys

from ops.bench.processes import Usage, cpu_us_each, megabytes, usage_by_role

BUSY = """
import sys, time
while time.process_time() < 0.2:
    pass
print("done", flush=True)
sys.stdin.read()
"""


def test_a_child_is_found_by_its_command_line_with_the_time_it_used() -> None:
    command = [sys.executable, "-c", BUSY, "-m", "ops.fakegraph"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        usage = usage_by_role()
        assert child.stdin is not None
        child.stdin.close()
    assert usage["fake Graph"].cpu_us >= 180_000  # the kernel counts in hundredths of a second
    assert usage["fake Graph"].rss_bytes > 1_000_000
    assert usage["bench"].rss_bytes > usage["fake Graph"].rss_bytes


def test_cpu_time_for_each_message_counts_from_before() -> None:
    before = {"sender": Usage(1_000_000, 0)}
    after = {"sender": Usage(1_500_000, 0), "ingest": Usage(250_000, 0)}
    assert cpu_us_each(before, after, 1000) == {"ingest": 250.0, "sender": 500.0}


def test_memory_is_shown_in_megabytes() -> None:
    assert megabytes({"sender": Usage(0, 108_340_000)}) == {"sender": 108.3}
