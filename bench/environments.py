"""Virtual environments of their own for what can't live beside the rest: several Djangos, a whole application.

They stay beside the repository's others (`.venv-…`), so only the first run takes minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def environment(name: str, *requirements: str, extras: str = "sql", python: str = sys.executable) -> str:
    """The interpreter of a virtual environment with afresh (editable) and these requirements.

    Args:
        name: Of its folder, after `.venv-`.
        requirements: What pip installs.
        extras: Those of afresh.
        python: The interpreter that it is made of.
    """
    folder = ROOT / f".venv-{name}"
    made = folder / "bin" / "python"
    noted = folder / "installed"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = [project["dependencies"], *(project["optional-dependencies"][each] for each in extras.split(","))]
    wanted = f"{python}: {requirements} {own}"
    if not noted.is_file() or noted.read_text() != wanted:
        print(f"{folder.name}: installing {', '.join(requirements)}", file=sys.stderr)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [str(made), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--editable", f"{ROOT}[{extras}]", *requirements], check=True)
        noted.write_text(wanted)
    return str(made)


def python(version: str) -> str | None:
    """An interpreter of this version, `3.12`: this one, one on PATH, or one of pyenv's."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
    return next((each for each in found if each is not None and _works(each)), None)


def _works(program: str) -> bool:
    """Whether it runs: pyenv puts shims on PATH for versions that are installed but not chosen."""
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0
