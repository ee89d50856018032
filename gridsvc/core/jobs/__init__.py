"""Work that outlasts its request: deferred in the caller's transaction, done by any worker, all or nothing."""

from gridsvc.core.jobs.queue import Running, Work, cancel, defer, read
from gridsvc.core.jobs.worker import Chore, Worker

__all__ = ["Chore", "Running", "Work", "Worker", "cancel", "defer", "read"]
