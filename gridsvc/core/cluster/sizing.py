"""A machine's memory, cores and shared-memory disk in, the text of `gridsvc.conf` out."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB
CONNECTIONS_MAX = 120


@dataclass(frozen=True)
class Machine:
    """What the database may use."""

    memory_bytes: int
    cores: int
    shared_memory_bytes: int  # free on /dev/shm; a container often has 64 MB


def this_machine() -> Machine:
    """Measure the machine, or the container that is smaller."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
        memory_bytes = min(memory_bytes, int(text))
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    shm = Path("/dev/shm")  # noqa: S108 - asked for its size, nothing is written there
    return Machine(memory_bytes, cores, shutil.disk_usage(shm).free if shm.is_dir() else 0)


def size(machine: Machine, *, durable: bool = True) -> dict[str, str]:
    """Choose the settings for a machine that also runs the service, the job worker and perhaps a browser.

    `durable=False` is for throw-away clusters of tests: a power cut may corrupt them.
    """
    memory_bytes = machine.memory_bytes
    settings = {
        "shared_buffers": _mib(memory_bytes // 8, 128 * MIB, GIB),
        "effective_cache_size": _mib(memory_bytes // 2, 256 * MIB, 64 * GIB),
        # A sort takes it per step and per connection, so it stays a small part of the whole.
        "work_mem": _mib(memory_bytes // 512, 4 * MIB, 64 * MIB),
        "maintenance_work_mem": _mib(memory_bytes // 16, 64 * MIB, 512 * MIB),
        "max_connections": str(CONNECTIONS_MAX),
        "max_worker_processes": str(max(8, machine.cores)),
        "max_parallel_workers": str(max(2, machine.cores)),
        "max_parallel_workers_per_gather": str(min(4, machine.cores // 2)),
        "random_page_cost": "1.1",
        # Compiling a query costs more than these short queries take.
        "jit": "off",
        "wal_compression": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "synchronous_commit": "on" if durable else "off",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    if machine.shared_memory_bytes < 256 * MIB:
        # Parallel queries would fail with "no space left on device" on a container's 64 MB.
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def surroundings(socket: Path, log: Path) -> dict[str, str]:
    """Choose the settings that do not hang on the machine: who may connect, clocks, the log of seven days."""
    return {
        "cluster_name": "gridsvc",
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{socket}"',
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "on",
        "log_directory": str(log),
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "%m [%p] %q%u %a ",
        "log_min_duration_statement": "2s",
        "log_lock_waits": "on",
    }


def render(settings: Mapping[str, str]) -> str:
    """Write settings as PostgreSQL reads them."""
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    head = "# Written at each start. Own settings go into postgresql.auto.conf by ALTER SYSTEM, which wins.\n"
    return head + "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def _mib(wanted_bytes: int, least_bytes: int, most_bytes: int) -> str:
    return f"{max(least_bytes, min(wanted_bytes, most_bytes)) // MIB}MB"
