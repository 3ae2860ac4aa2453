"""What a mount shows of a store: the same before and after an upgrade."""

import hashlib
import os
import stat

# Of the mount itself, and of now.
PASSING = {".modelfs/status.json", ".modelfs/metrics", ".modelfs/events", ".modelfs/events.1"}


def shown(root):
    """path -> what lstat(2), readlink(2), read(2) and getxattr(2) say; paths of the mount point are `@`."""
    found = {}
    for top in (root, f"{root}/.modelfs"):  # which the root does not list
        for place, directories, files in os.walk(top, onerror=_refuse):
            for name in sorted(directories + files):
                path = os.path.join(place, name)
                relative = os.path.relpath(path, root)
                if relative not in PASSING:
                    found[relative] = _facts(path, root)
    return found


def _facts(path, root):
    info = os.lstat(path)
    facts = {"ino": info.st_ino, "mode": oct(info.st_mode), "owner": f"{info.st_uid}:{info.st_gid}"}
    if not stat.S_ISDIR(info.st_mode):
        facts["mtime_ns"] = info.st_mtime_ns
    if stat.S_ISLNK(info.st_mode):
        facts["target"] = os.readlink(path)
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            content = file.read().replace(root.encode(), b"@")
        facts["content"] = f"{len(content)} {hashlib.sha256(content).hexdigest()}"
        facts["links"] = info.st_nlink
    attributes = {name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path, follow_symlinks=False))} \
        if not stat.S_ISLNK(info.st_mode) else {}
    if attributes:
        facts["attributes"] = attributes
    return facts


def _refuse(error):
    raise error


def different(before, after):
    """The first few paths that are not shown as before."""
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return [(path, before.get(path), after.get(path)) for path in paths[:5]]
