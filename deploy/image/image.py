"""Writes an image in docker save's format from files, without a registry and without Docker.

image.py NAME:TAG OUT.tar [--user UID:GID] --entrypoint PROGRAM[,ARGUMENT...] FILE=/path ...

A FILE may be a folder; as `FOLDER=/` its contents become the root. The same files make the same bytes.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import tarfile


def anonymous(info):
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    return info


def add(tar, source, path):
    if path:
        tar.add(source, arcname=path, recursive=False, filter=anonymous)
    if os.path.isdir(source) and not os.path.islink(source):
        for name in sorted(os.listdir(source)):
            add(tar, os.path.join(source, name), (path + "/" if path else "") + name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("out")
    parser.add_argument("--user", default="")
    parser.add_argument("--entrypoint", required=True)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for file in given.files:
            source, path = file.split("=", 1)
            add(tar, source, path.strip("/"))
    data = layer.getvalue()
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "User": given.user,
                "Entrypoint": given.entrypoint.split(","),
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]},
            "history": [{"created_by": "image.py"}],
        }
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [given.name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(given.out, "w") as tar:
        for path, content in ((config_name, config), ("layer.tar", data), ("manifest.json", manifest)):
            info = anonymous(tarfile.TarInfo(path))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


main()
