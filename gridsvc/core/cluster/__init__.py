"""A home folder in, a running PostGIS out: the database gridsvc brings along when it is given none."""

from gridsvc.core.cluster.life import Cluster, discard, running_url

__all__ = ["Cluster", "discard", "running_url"]
