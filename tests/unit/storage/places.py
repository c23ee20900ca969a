"""What lies where: a snapshot of a folder, and small kinds of files."""

import hashlib
from pathlib import Path

from defectory.storage import FileKind, OutputFile, OutputFolder, write_outputs

NOTE = FileKind("a note", lambda path: path.read_bytes().startswith(b"note"))


def names(folder: Path) -> list[str]:
    """Return what lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def snapshot(folder: Path) -> dict[str, str]:
    """Return every path below a folder with what it is: hash, link or folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "special"
    return found


def write_folder(path, *, overwrite=False, **files):
    """Write a folder of ours with these files."""
    with write_outputs([OutputFolder(path, "test")], overwrite=overwrite) as (part,):
        for name, text in files.items():
            (part / name).write_text(text)


def write_note(path, text, *, overwrite=False):
    with write_outputs([OutputFile(path, NOTE)], overwrite=overwrite) as (part,):
        part.write_text(f"note {text}")
