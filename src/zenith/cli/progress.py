"""Progress of a long step: a bar in a terminal, plain lines in a log; nothing for a short one."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)
SHORT = 10.0  # seconds before anything is shown
PAUSE = 30.0  # seconds between the lines of a log


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with how much is done, and of how much."""
    from rich.console import Console
    from rich.progress import Progress

    terminal = sys.stderr.isatty()
    shown = time.monotonic() + SHORT
    with Progress(console=Console(stderr=True), transient=True, disable=not terminal) as bar:
        task = bar.add_task(label, visible=False)

        def advance(done: int, total: int) -> None:
            nonlocal shown
            now = time.monotonic()
            bar.update(task, completed=done, total=total, visible=now > shown)
            if not terminal and now > shown:
                log.info("%s: %d of %d", label, done, total)
                shown = now + PAUSE

        yield advance
