"""An application on a port of loopback, as browsers and other programs meet it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from gridsvc.app.commands.up import listening
from gridsvc.app.tiles.wire import protocol_of


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application as long as the block lasts; give its address."""
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", http=protocol_of(app.state)))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
