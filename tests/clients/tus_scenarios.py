"""Upload a file with tuspy, unmodified; run in an environment of its own. Prints JSON."""

from __future__ import annotations

import json
import sys
import time

import requests
from tusclient import client
from tusclient.exceptions import TusCommunicationError

PATIENCE = 60.0


def main(address: str, token: str, path: str, metadata: str, chunk: int) -> None:
    """Upload in chunks; whatever happens to the server, go on from what it says it has."""
    ours = client.TusClient(address, headers={"Authorization": f"Token {token}"})
    began = time.monotonic()
    uploader = None
    acknowledged, lost, broken = 0, 0, 0
    while time.monotonic() - began < PATIENCE:
        try:
            if uploader is None:
                told = json.loads(metadata)
                uploader = ours.uploader(path, chunk_size=chunk, metadata=told)
            offset = uploader.get_offset() if uploader.url else 0
            lost += offset < acknowledged
            uploader.offset = offset
            while uploader.offset < uploader.get_file_size():
                uploader.upload_chunk()
                acknowledged = uploader.offset
                print("sent", acknowledged, file=sys.stderr, flush=True)
            break
        except (TusCommunicationError, requests.RequestException):
            broken += 1
            time.sleep(0.2)
    assert uploader is not None
    print(json.dumps({"url": uploader.url, "sent": acknowledged, "lost": lost, "broken": broken}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
