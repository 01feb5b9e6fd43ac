"Ships settings.ini, whose one source is at the top, inside the package."
from pathlib import Path
from shutil import copyfile
from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSettings(build_py):
    "Copies the settings beside the modules; an editable install reads them at the top."
    def run(self):
        super().run()
        if self.editable_mode: return
        package = Path(self.build_lib) / "copymem"
        package.mkdir(parents=True, exist_ok=True)
        copyfile("settings.ini", package / "settings.ini")


setup(cmdclass={"build_py": BuildWithSettings})
