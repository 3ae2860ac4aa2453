"""What `modelfs export` writes of what importing.py took over: the same again. Used by importing.py."""

import json
import os
import subprocess

import mounted


def exported(run, daemon, layout, targets, directory):
    done = daemon.command("export", "--layout", layout, *targets, directory, "--json")
    if done.returncode != 0:
        run.violation(f"modelfs export: exit code {done.returncode}: {done.stderr}")
        return {}
    return json.loads(done.stdout)


def expect(run, what, found, wanted):
    if found != wanted:
        run.violation(f"{what}: {found!r}, not {wanted!r}")


def counts(report):
    return report.get("written"), report.get("already_there"), [each["path"] for each in report.get("left", [])]


def export_twice(run, daemon, layout, targets, directory, wanted):
    """`wanted`: the files that must be there, by their paths; and how many things they are."""
    files, count = wanted
    expect(run, f"{layout}: written", counts(exported(run, daemon, layout, targets, directory))[0], count)
    if wrong := mounted.difference(directory, files):
        run.violation(wrong)
    before = mounted.attributes_of(directory)
    expect(run, f"{layout}: written again", counts(exported(run, daemon, layout, targets, directory))[:2], (0, count))
    expect(run, f"{layout}: a second time changes nothing", mounted.attributes_of(directory) == before, True)


def kill_and_go_on(run, daemon, layout, targets, directory, wanted):
    """An export that is killed at some moment leaves only whole files, and the next one ends as if nothing had been."""
    files, count = wanted
    for share in (0.1, 0.3, 0.6):
        command = [daemon.binary, "export", "--layout", layout, *targets, directory]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        mounted.wait_for(lambda: process.poll() is not None or count_files(directory) > share * len(files), "some is written")
        process.kill()
        process.wait()
        for path, content in mounted.files_of(directory).items():
            # The domain's newest is the newest of those that are there.
            is_newest = path.split("/")[-2] == "domains"
            if ".modelfs-" not in path and not is_newest and files.get(path) != content:
                run.violation(f"after a kill there is {path}, which is not whole")
    exported(run, daemon, layout, targets, directory)
    if wrong := mounted.difference(directory, files):
        run.violation(f"after kills: {wrong}")


def count_files(directory):
    return sum(len(names) for _, _, names in os.walk(directory))


def check_what_is_there(run, daemon, targets, directory, store, model):
    """What is missing comes again; what is something else stays and is named; nothing lands outside."""
    archive = next(os.path.join(place, "artifacts.tar.gz") for place, _, names in os.walk(f"{directory}/{store}/{model[0]}")
                   if place.endswith("/" + model[1]) and "artifacts.tar.gz" in names)
    whole = mounted.content_of(archive)
    os.unlink(archive)
    expect(run, "a missing archive", counts(exported(run, daemon, "modelstore", targets, directory))[0], 1)
    expect(run, "the archive that came again", mounted.content_of(archive) == whole, True)
    mounted.write_file(archive, whole[:-1] + b"?")
    report = exported(run, daemon, "modelstore", targets, directory)
    expect(run, "a changed archive", (report.get("written"), "/".join(model) in [each["path"] for each in report["left"]]), (0, True))
    expect(run, "the changed archive stays", mounted.content_of(archive)[-1:], b"?")
    elsewhere = run.path("elsewhere")
    os.makedirs(f"{directory}-linked/{store}")
    os.mkdir(elsewhere)
    os.symlink(elsewhere, f"{directory}-linked/{store}/{model[0]}")
    report = exported(run, daemon, "modelstore", targets, f"{directory}-linked")
    expect(run, "a symlink on the way", any(each["path"] == "/".join(model) for each in report.get("left", [])), True)
    expect(run, "nothing outside", os.listdir(elsewhere), [])
