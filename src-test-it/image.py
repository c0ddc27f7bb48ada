"""Writes an image in docker save's format from files, without a registry and without Docker.

image.py NAME:TAG OUT.tar ENTRYPOINT[,ARGUMENT...] FILE=/path ...

A FILE may be a folder. The same files make the same bytes.
"""

import hashlib
import io
import json
import os
import sys
import tarfile


def anonymous(info):
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    return info


def add(tar, source, path):
    tar.add(source, arcname=path, recursive=False, filter=anonymous)
    if os.path.isdir(source) and not os.path.islink(source):
        for name in sorted(os.listdir(source)):
            add(tar, os.path.join(source, name), path + "/" + name)


def main():
    name, out, entrypoint, *files = sys.argv[1:]
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for file in files:
            source, path = file.split("=", 1)
            add(tar, source, path.lstrip("/"))
    data = layer.getvalue()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": entrypoint.split(","),
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]},
            "history": [{"created_by": "image.py"}],
        }
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(out, "w") as tar:
        for path, content in ((config_name, config), ("layer.tar", data), ("manifest.json", manifest)):
            info = anonymous(tarfile.TarInfo(path))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


main()
