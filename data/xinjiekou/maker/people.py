"""Communities and grids in, invented workers and their posts out."""

import pandas as pd

from maker.territory import Territory, numeral

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章"
FIRST_IMPOSSIBLE_PHONE = 10000000001
"""No Chinese mobile number begins with 100."""
ON_DUTY_SINCE = "2026-01-01T08:00:00+08:00"
GRIDS_PER_WORKER = 2
ASSISTED_HOUSEHOLDS = 500
"""Grids with more households have an assistant too."""


def staff(territory: Territory, households: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return workers and posts: one responsible and one backup for every grid, assistants for the large ones.

    Each worker is responsible for two grids of a community that follow each other in number; the backup is the next
    worker of the same community, the assistant the one before.
    """
    workers: list[dict[str, str]] = []
    posts: list[tuple[str, str, str]] = []
    size = dict(zip(territory.grids.code, households, strict=True))
    for community in territory.communities.itertuples():
        grids = sorted(code for code in territory.grids.code if code.startswith(community.code))
        team = [_worker(len(workers) + number, community.name) for number in range(-(-len(grids) // GRIDS_PER_WORKER))]
        workers += team
        for index, grid in enumerate(grids):
            mine = index // GRIDS_PER_WORKER
            posts.append((grid, team[mine]["code"], "responsible"))
            posts.append((grid, team[(mine + 1) % len(team)]["code"], "backup"))
            if size[grid] > ASSISTED_HOUSEHOLDS:
                posts.append((grid, team[mine - 1]["code"], "assistant"))
    table = pd.DataFrame(posts, columns=["grid", "worker", "role"])
    return pd.DataFrame(workers), table.assign(valid_from=ON_DUTY_SINCE)


def _worker(index: int, community: str) -> dict[str, str]:
    """Invent a worker: a surname, a number for a given name, and the mark that nobody is meant."""
    return {
        "code": f"W{index + 1:03d}",
        "name": f"{SURNAMES[index]}{numeral(index + 1)}（示例）",
        "phone": str(FIRST_IMPOSSIBLE_PHONE + index),
        "department": f"{community.removeprefix('示例·')}网格站（示例）",
    }
