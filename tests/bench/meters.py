"""CPU time and memory of a process with all its threads and children, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _CSTIME, _SESSION = 11, 15, 3
"""Places in /proc/PID/stat behind the name (proc(5)): utime, stime, cutime, cstime; session."""


class Meter:
    """One process that leads a session: what it and its descendants in that session use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.members = [pid]
        self.find_members()

    def find_members(self) -> None:
        """Look for children again; costs a walk through /proc, so not at every sample."""
        found = [self.pid]
        for entry in os.scandir("/proc"):
            if entry.name.isdigit() and int(entry.name) != self.pid:
                fields = _stat(int(entry.name))
                if fields and int(fields[_SESSION]) == self.pid:
                    found.append(int(entry.name))
        self.members = found

    def cpu_s(self) -> float:
        """User and system seconds since the start, of children that ended too."""
        ticks = 0
        for pid in self.members:
            ticks += sum(int(field) for field in _stat(pid)[_UTIME : _CSTIME + 1])
        return ticks / _TICKS

    def rss_mb(self) -> float:
        """Resident MB (2^20) now."""
        return self._status_mb("VmRSS:")

    def peak_mb(self) -> float:
        """Highest resident MB since `reset_peak`; of several processes the sum of their peaks."""
        return self._status_mb("VmHWM:")

    def reset_peak(self) -> None:
        """Let the kernel forget the peak."""
        for pid in self.members:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _status_mb(self, name: str) -> float:
        total = 0
        for pid in self.members:
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except OSError:  # a child that has just ended
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith(name))
        return total / 1024


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
