"""Worker processes that load what their jobs need, and not the script that started them."""

from __future__ import annotations

import sys
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any


def workers_context() -> Any:
    """Processes are spawned (a fork would keep the store's lock), and without the main module.

    Python runs the main module again in each spawned process, so that a script without `if __name__ == "__main__"`
    would do all its work once more in each. Jobs are plain values of ours and need nothing of it.
    """
    return _Context()


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        from multiprocessing.popen_spawn_posix import Popen

        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _Context(SpawnContext):
    Process = _Process
