"""How the settings follow the machine, and how they are written."""

import pytest

from gridsvc.core.cluster.sizing import GIB, MIB, Machine, render, size, this_machine


@pytest.mark.parametrize(
    ("memory_bytes", "shared_buffers", "work_mem", "maintenance_work_mem"),
    [
        (512 * MIB, "128MB", "4MB", "64MB"),
        (2 * GIB, "256MB", "4MB", "128MB"),
        (8 * GIB, "1024MB", "16MB", "512MB"),
        (256 * GIB, "1024MB", "64MB", "512MB"),
    ],
)
def test_memory_settings_follow_the_machine_within_bounds(
    memory_bytes: int, shared_buffers: str, work_mem: str, maintenance_work_mem: str
) -> None:
    settings = size(Machine(memory_bytes, cores=4, shared_memory_bytes=GIB))
    assert settings["shared_buffers"] == shared_buffers
    assert settings["work_mem"] == work_mem
    assert settings["maintenance_work_mem"] == maintenance_work_mem


@pytest.mark.parametrize(("cores", "per_query", "workers"), [(1, "0", "2"), (4, "2", "4"), (64, "4", "64")])
def test_parallel_work_follows_the_cores(cores: int, per_query: str, workers: str) -> None:
    settings = size(Machine(8 * GIB, cores, shared_memory_bytes=GIB))
    assert settings["max_parallel_workers_per_gather"] == per_query
    assert settings["max_parallel_workers"] == workers


def test_a_container_with_little_shared_memory_does_without() -> None:
    assert size(Machine(8 * GIB, 4, 64 * MIB))["dynamic_shared_memory_type"] == "mmap"
    assert "dynamic_shared_memory_type" not in size(Machine(8 * GIB, 4, GIB))


def test_only_a_throw_away_cluster_gives_up_safety() -> None:
    machine = this_machine()
    assert {size(machine)[name] for name in ("fsync", "full_page_writes", "synchronous_commit")} == {"on"}
    assert size(machine, durable=False)["fsync"] == "off"


def test_quotes_and_backslashes_survive_the_writing() -> None:
    assert render({"log_directory": r"/a'b\c"}).endswith("log_directory = '/a''b\\\\c'\n")
