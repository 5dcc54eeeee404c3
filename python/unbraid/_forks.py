"""Locks that a forked child finds free, and none of what they guard half done.

They are made when the package is imported: a fork that is under way passes over what is registered meanwhile.
"""

from __future__ import annotations

import os
import threading

# NumPy takes a while to import, and a child would wait for a thread that it does not have.
importing = threading.RLock()
loading = threading.RLock()

if hasattr(os, "register_at_fork"):
    for _lock in (loading, importing):  # the last that is registered is the first to be taken: importing needs no model
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
