"""Push to a hub and read from it with the unmodified `huggingface_hub`; print what was found.

Run with the client's own Python: `push FOLDER REPOSITORY TAG` or `read REPOSITORY TAG`.
"""

import hashlib
import json
import sys
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download


def push(folder: str, repository: str, tag: str) -> dict:
    api = HfApi()
    url = api.create_repo(repository, repo_type="dataset", exist_ok=True)
    again = api.create_repo(repository, repo_type="dataset", exist_ok=True)
    done = api.upload_folder(
        repo_id=repository, folder_path=folder, repo_type="dataset", commit_message=f"{tag} by it"
    )
    api.create_tag(repository, tag=tag, repo_type="dataset", tag_message=tag)
    api.create_tag(repository, tag=tag, repo_type="dataset", exist_ok=True)
    return {"same": str(url) == str(again), "commit": done.oid, **read(repository, tag)}


def read(repository: str, tag: str) -> dict:
    where = Path(snapshot_download(repository, repo_type="dataset", revision=tag))
    files = {
        path.relative_to(where).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in where.rglob("*")
        if path.is_file()
    }
    api = HfApi()
    refs = api.list_repo_refs(repository, repo_type="dataset")
    told = api.dataset_info(repository, revision=tag)
    return {
        "files": files,
        "tags": {each.name: each.target_commit for each in refs.tags},
        "branches": [each.name for each in refs.branches],
        "sha": told.sha,
    }


print(json.dumps({"push": push, "read": read}[sys.argv[1]](*sys.argv[2:])))
