"""Ships settings.ini, whose one source is at the top, inside the package; and writes
the same archive whoever builds it, and when."""
import gzip
import os
import tarfile
from pathlib import Path
from shutil import copyfile
from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist


class BuildWithSettings(build_py):
    "Copies the settings beside the modules; an editable install reads them at the top."
    def run(self):
        super().run()
        if self.editable_mode: return
        package = Path(self.build_lib) / "copymem"
        package.mkdir(parents=True, exist_ok=True)
        copyfile("settings.ini", package / "settings.ini")


class SameArchive(sdist):
    "Entries in order, with one date, SOURCE_DATE_EPOCH or 1980, and nobody's name."
    def make_archive(self, base_name, format, root_dir=None, base_dir=None, **owner):
        if format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, **owner)
        date = int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))
        path = f"{base_name}.tar.gz"
        def plain(entry):
            entry.mtime, entry.uid, entry.gid = date, 0, 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.isdir() else 0o644
            return entry
        with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, date) as packed:
            with tarfile.open(fileobj=packed, mode="w") as tar:
                for each in sorted(Path(base_dir).rglob("*")):
                    if each.is_file(): tar.add(each, each.as_posix(), filter=plain)
        return path


setup(cmdclass={"build_py": BuildWithSettings, "sdist": SameArchive})
