"""Write a data set as class folders of PNG files, as torchvision's ImageFolder reads them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from .images import Images


def export_folder(images: Images, path: str | os.PathLike) -> Path:
    """Write train|test/<class>/NNNNN.png (NNNNN: the image's number in its split) to the new folder `path`.

    Raises ValueError if `path` already holds something. The folder appears only once it is complete.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(f"{path} already exists and is not an empty folder; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        for part in ("train", "test"):
            split = getattr(images, part)
            for name in images.classes:
                (unfinished / part / name).mkdir(parents=True)
            pixels = split.images.permute(0, 2, 3, 1).numpy()
            for number, (image, label) in enumerate(zip(pixels, split.labels.tolist())):
                picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
                picture.save(unfinished / part / images.classes[label] / f"{number:05d}.png")
        if path.exists():
            path.rmdir()  # empty, as checked above
        unfinished.chmod(0o755)  # mkdtemp makes it private
        unfinished.replace(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return path
