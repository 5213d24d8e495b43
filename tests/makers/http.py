"""Servers of files, with ranges of bytes and without."""

import re
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any


class Ranges(SimpleHTTPRequestHandler):
    """Serves ranges of bytes, as storage does and as `http.server` alone does not."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or not path.exists():
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


class NoRanges(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Stay quiet."""
