"""The set-up behind `make`, on machines that lack things: stand-ins on the PATH, and nothing is really installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHELL = Path("/bin/sh")
COMMON = ("awk", "cat", "cksum", "dirname", "rm")

pytestmark = pytest.mark.skipif(not SHELL.exists(), reason="needs a POSIX shell")


class Machine:
    """A folder with the project's set-up script, and a PATH that holds what the test puts there and little else."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a project"  # the name has a space, as folders have
        self.programs = folder / "bin"
        self.log = folder / "log"
        self.log.touch()
        (self.project / ".make").mkdir(parents=True)
        self.programs.mkdir()
        for script in ("setup", "patiently"):
            shutil.copy(ROOT / ".make" / script, self.project / ".make")
        shutil.copy(ROOT / "pyproject.toml", self.project)
        for name in COMMON:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.program("uname", "echo Linux")
        self.program("id", "echo 0")
        self.program("cc", "exit 1")
        self.python("python3")

    def program(self, name: str, body: str) -> None:
        """A command of this machine: it notes its call in the log and does what `body` says."""
        path = self.programs / name
        path.write_text(f'#!{SHELL}\necho "{name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def python(self, name: str, venv: str = "exit 0") -> None:
        """A Python that answers questions, makes a .venv of its own kind, and whose pip installs nothing."""
        self.program(
            name,
            f"""case "$*" in
            *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
            *"-m pip"*) echo "pip $PWD" >>"{self.log}" ;;
            *ensurepip*) {venv} ;;
            *sysconfig*) exit 1 ;;
            *manimpango*) exit 1 ;;
            *) exec "{sys.executable}" "$@" ;;
            esac""",
        )
        for tool in ("mkdir", "cp"):
            if not (self.programs / tool).exists():
                (self.programs / tool).symlink_to(str(shutil.which(tool)))

    def setup(self, *extras: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """What `make` calls before its work."""
        return subprocess.run(
            [str(SHELL), ".make/setup", *extras],
            cwd=self.project,
            env={"PATH": str(self.programs), "HOME": os.devnull, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self, start: str) -> list[str]:
        """The logged calls that begin like this."""
        return [line for line in self.log.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        (
            "apt-get",
            f"apt-get install -y gcc libc6-dev python{VERSION}-dev pkg-config libcairo2-dev libpango1.0-dev",
        ),
        ("dnf", "dnf install -y gcc python3-devel pkgconf-pkg-config cairo-devel pango-devel"),
        ("pacman", "pacman -S --needed gcc python pkgconf cairo pango"),
        ("apk", "apk add gcc musl-dev python3-dev pkgconf cairo-dev pango-dev"),
    ],
)
@pytest.mark.parametrize("sudo", [True, False], ids=["sudo", "no sudo"])
def test_without_permission_one_line_names_the_command(machine: Machine, manager: str, line: str, sudo: bool) -> None:
    machine.program("id", "echo 1000")
    machine.program(manager, "exit 0")
    if sudo:
        machine.program("sudo", "exit 1")  # asks for a password, and nobody is there
    done = machine.setup("animation")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"{'sudo ' if sudo else ''}{line}\n")
    assert machine.calls(manager) == []
    assert not (machine.project / ".venv").exists()


def test_with_permission_what_is_missing_is_installed_and_nothing_else(machine: Machine) -> None:
    """The stand-in for apt-get brings a compiler; headers stay missing, which is said instead of trying to compile."""
    machine.program("pkg-config", "exit 0")
    machine.program("apt-get", f'case "$*" in *install*) printf "#!{SHELL}\\n" >"{machine.programs}/cc" ;; esac')
    machine.program("env", 'shift; exec "$@"')
    done = machine.setup("animation")
    assert machine.calls("apt-get")[0].endswith("update")
    assert machine.calls("apt-get")[1].endswith(f"install gcc libc6-dev python{VERSION}-dev")
    assert done.returncode == 1
    assert "still missing" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].count("headers") == 1


def test_a_second_run_sets_nothing_up_again_and_a_changed_pyproject_does(machine: Machine) -> None:
    for _ in range(2):
        assert machine.setup("test", "lint").returncode == 0
        assert len(machine.calls("pip")) == 1
    assert machine.setup("lint").returncode == 0
    assert len(machine.calls("pip")) == 1
    with (machine.project / "pyproject.toml").open("a") as file:
        file.write("\n")
    assert machine.setup("lint").returncode == 0
    assert len(machine.calls("pip")) == 2
    assert len(machine.calls("python3 -m venv")) == 1


def test_an_environment_that_was_moved_or_lost_its_python_is_made_anew(machine: Machine) -> None:
    assert machine.setup("lint").returncode == 0
    machine.project = machine.project.rename(machine.project.with_name("elsewhere"))
    assert machine.setup("lint").returncode == 0
    assert len(machine.calls("python3 -m venv")) == 2
    (machine.project / ".venv" / "bin" / "python").unlink()
    assert machine.setup("lint").returncode == 0
    assert len(machine.calls("python3 -m venv")) == 3


def test_a_python_that_does_not_run_is_passed_over(machine: Machine) -> None:
    machine.program("python3.14", "echo 'not this version' >&2; exit 127")
    assert machine.setup("lint").returncode == 0
    assert len(machine.calls("python3 -m venv")) == 1


def test_the_asked_for_python_is_taken_or_refused_in_one_line(machine: Machine) -> None:
    machine.python("mine")
    assert machine.setup("lint", PYTHON="mine").returncode == 0
    assert len(machine.calls("mine -m venv")) == 1
    done = machine.setup("lint", PYTHON="none-such")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PYTHON=none-such" in done.stderr


def test_a_machine_without_python_gets_one_from_its_package_manager(machine: Machine) -> None:
    there, waiting = machine.programs / "python3", machine.programs / "not installed yet"
    there.rename(waiting)
    (machine.programs / "mv").symlink_to(str(shutil.which("mv")))
    machine.program("env", 'shift; exec "$@"')
    machine.program("apt-get", f'case "$*" in *install*) mv "{waiting}" "{there}" ;; esac')
    done = machine.setup("lint")
    assert done.returncode == 0, done.stderr
    assert machine.calls("apt-get")[1].endswith("install python3 python3-venv")
    assert len(machine.calls("python3 -m venv")) == 1


def test_without_permission_python_is_part_of_the_one_command(machine: Machine) -> None:
    machine.program("python3", "exit 1")
    machine.program("id", "echo 1000")
    machine.program("dnf", "exit 0")
    done = machine.setup("animation")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "run: dnf install -y python3 gcc python3-devel pkgconf-pkg-config cairo-devel pango-devel\n"
    )


def test_no_python_at_all_is_said_in_one_line(machine: Machine) -> None:
    machine.program("python3", "exit 1")
    done = machine.setup("lint")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: no Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("brew", "line"),
    [
        (None, "with Homebrew, run: brew install cairo pango pkg-config"),
        ("exit 1", "run: brew install cairo pango pkg-config"),
    ],
    ids=["no brew", "brew fails"],
)
def test_macos_names_homebrew(machine: Machine, brew: str | None, line: str) -> None:
    machine.program("uname", "echo Darwin")
    machine.program("cc", "exit 0")
    machine.python("python3")
    text = (machine.programs / "python3").read_text()
    (machine.programs / "python3").write_text(text.replace("*sysconfig*) exit 1", "*sysconfig*) exit 0"))
    if brew is not None:
        machine.program("brew", brew)
    done = machine.setup("animation")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(line)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_alone_lists_every_target() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "lint", "docs", "package", "stubs", "clean"):
        assert f"make {target} " in done.stdout


def test_what_takes_long_says_that_it_still_runs(tmp_path: Path) -> None:
    """The clock is a stand-in: `sleep` returns at once until the command that is waited for is done."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sleep").write_text(f"#!{SHELL}\n[ ! -e {tmp_path}/done ]\n")
    (programs / "work").write_text(f"#!{SHELL}\n{shutil.which('sleep')} 0.3\n: >{tmp_path}/done\nexit 7\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    done = subprocess.run(
        [str(SHELL), str(ROOT / ".make" / "patiently"), "rendering", "work"],
        capture_output=True,
        text=True,
        env={"PATH": str(programs)},
        timeout=30,
    )
    assert done.returncode == 7, "the command's own status"
    assert done.stderr.startswith("rendering: 10 s so far\nrendering: 20 s so far\n")
