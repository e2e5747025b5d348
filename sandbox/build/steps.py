"""Steps of a build, each done once: a stamp is written when a step is complete, and never before.

A step's mark is a digest of what it depends on and of all steps before it, so that a changed pin repeats the
step that reads it and those that follow. What is without its stamp (interrupted, or never begun) is done from
its beginning.
"""
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from ..progress import step as announced


@dataclass(frozen=True)
class Step:
    """One thing to do in the folder of a build."""

    name: str                   # also the stamp's
    title: str                  # what the user reads
    action: Callable[[], None]  # must be able to start over what an interruption left half done
    inputs: tuple = ()          # what it depends on; anything with a stable repr


def marks(steps):
    """The mark of each of `steps`, in order."""
    digest, result = '', []
    for step in steps:
        digest = hashlib.sha256('\0'.join([digest, step.name, repr(step.inputs)]).encode()).hexdigest()
        result.append(digest)
    return result


def stamp(folder, step):
    """Where the mark of a finished `step` lies."""
    return folder / 'stamps' / step.name


def finished(folder, step, mark):
    """Whether `step` was completed with this `mark`."""
    try:
        return stamp(folder, step).read_text() == mark
    except OSError:
        return False


def complete(folder, steps):
    """Whether nothing is left to do in `folder`."""
    return all(finished(folder, step, mark) for step, mark in zip(steps, marks(steps), strict=True))


def carry_out(folder, steps):
    """Do what is left of `steps` in `folder`, a pathlib.Path that is made if needed."""
    (folder / 'stamps').mkdir(parents=True, exist_ok=True)
    for number, (step, mark) in enumerate(zip(steps, marks(steps), strict=True)):
        if finished(folder, step, mark):
            continue
        for later in steps[number:]:   # they build on this one, whatever their stamps say
            stamp(folder, later).unlink(missing_ok=True)
        with announced(step.title):
            step.action()
        write(stamp(folder, step), mark)


def write(path, text):
    """Write a file so that it is there completely or not at all, also after a power cut."""
    partial = path.with_name(path.name + '.partial')
    with open(partial, 'w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def remove(folder):
    """Remove `folder` and what is in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
