"""Image data for the lessons: load("mnist"), load("cifar10"), loaders(...), export_folder(...)."""

import importlib

# Looked up on first use, so that the command line can list the data sets without waiting for PyTorch.
_WHERE = {
    "Images": "images",
    "Split": "images",
    "load": "sources",
    "loaders": "loader",
    "export_folder": "export",
}
__all__ = list(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
