"""The named parts of a key, so that a plan can say which of them changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any


def difference(stored: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    """Which named parts of the key are not what they were."""
    try:
        before = json.loads(stored["parts"] or "{}")
    except ValueError:
        before = {}
    if not stored["key"]:
        return f"tried before: {stored['reason']}" if stored["reason"] else "not finished before"
    changed = [name for name in parts if before.get(name) != parts[name]]
    changed += [name for name in before if name not in parts]
    shown = [
        f"{name} ({before[name]} -> {parts[name]})"
        if name.startswith("parameter ") and name in before and name in parts
        else name
        for name in changed
    ]
    return "changed: " + ", ".join(shown) if shown else "changed"


def parameter_parts(values: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as named parts of a key, so that a plan can say which one changed."""
    return {f"parameter {name}": _said(type(values[name]).__name__, values[name]) for name in sorted(values)}


@lru_cache(maxsize=1024)
def _said(_kind: str, value: float | str) -> str:
    """The same for thousands of frames; 1 and True are not."""
    return json.dumps(value)
