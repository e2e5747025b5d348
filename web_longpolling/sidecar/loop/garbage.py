# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Has Python's collector look at a few old objects, and not at all old ones.

The collector looks at generations: often at what is young, rarely at what is old, and never at what was frozen. What it
does not look at counts as outside, and what is referred to from there stays. So the objects of a registry can be made
young again, by two functions of Python's C API; a collection of the young ones then frees those that nobody else refers
to. It takes as long as there are such objects, however many others there are.
"""
import gc
import operator
import sys
import types

try:
    import ctypes
except ImportError:         # a Python without it collects everything, as memory.py does then
    ctypes = None

# Objects that are looked at or moved between two turns of the loop: about a millisecond.
SLICE = 500

_freezes = hasattr(gc, 'freeze')        # Python 3.7

if ctypes:
    _untrack, _track = ctypes.pythonapi.PyObject_GC_UnTrack, ctypes.pythonapi.PyObject_GC_Track
    for _function in _untrack, _track:
        _function.argtypes, _function.restype = [ctypes.py_object], None
    _STEPS = (_untrack, _track)


def collect_young():
    """Collect what was not frozen; in Python 2.7, which freezes nothing, what no collection has looked at.

    :returns: how many objects were garbage
    """
    return gc.collect() if _freezes else gc.collect(0)


def make_young(root, pause):
    """Make all young that an object alone may keep, and perhaps more; False if this Python can't.

    No collection may run until :func:`collect_young`.

    :param root: the object
    :param pause: called between two slices: others may use the objects then
    """
    if ctypes is None:
        return False
    found = _reachable(root, pause)
    number = 0
    while found:
        each = found.pop()
        # In one go of the interpreter: a thread that finds an object between both would end the process.
        list(map(operator.methodcaller('__call__', each), _STEPS))
        number += 1
        if number % SLICE == 0:
            del each        # it may be freed in the pause
            pause()
    return True


def _reachable(root, pause):
    """The objects that the collector knows and that can be reached from this one: a list.

    Not by way of modules, and of classes and functions of theirs, which belong to the program.
    """
    seen, ahead, found = {id(root)}, [root], []
    while ahead:
        each = ahead.pop()
        if gc.is_tracked(each):
            found.append(each)      # and is kept, so that no other object gets its id
        for other in _referents(each):
            if id(other) not in seen and _belongs(other):
                seen.add(id(other))
                ahead.append(other)
        if len(found) % SLICE == 0:
            pause()
    return found


def _referents(each):
    if isinstance(each, types.FunctionType):
        return [each.__closure__, each.__defaults__, each.__dict__]     # and not its module's names
    return gc.get_referents(each)


def _belongs(each):
    if isinstance(each, type):
        return getattr(sys.modules.get(each.__module__), '__dict__', {}).get(each.__name__) is not each
    # A tuple or a dict whose values refer to nothing is not known to the collector, until it is.
    return not isinstance(each, types.ModuleType) and (gc.is_tracked(each) or isinstance(each, (tuple, dict)))
