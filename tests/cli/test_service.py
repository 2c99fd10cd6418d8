"""`alpr service install`: the unit file, and what systemd says of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import cli, service
from streamer.errors import ConfigError, OutputError
from streamer.serve.unit import unit

SHIPPED = Path(__file__).parents[2] / "deploy" / "systemd" / "alpr@.service"
ANALYZE = shutil.which("systemd-analyze")


def install(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["service", "install", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_shipped_unit_is_what_is_written() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == unit(["/usr/bin/alpr"])


def test_it_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    told = install("--user")
    path = tmp_path / "systemd" / "user" / "alpr@.service"
    text = path.read_text(encoding="utf-8")
    assert f"written: {path}\n" in told
    assert f"{tmp_path}/alpr/NAME.yaml" in told
    assert "systemctl --user enable --now alpr@NAME" in told
    (program,) = re.findall(r"^ExecStart=(.+) run --config %E/alpr/%i\.yaml$", text, re.M)
    assert Path(program.split()[0]).is_absolute()
    install("--user")  # the same again is fine
    path.write_text("mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="--replace"):
        install("--user")
    assert path.read_text(encoding="utf-8") == "mine\n"
    install("--user", "--replace")
    assert path.read_text(encoding="utf-8") == text


def test_print_writes_nothing(tmp_path: Path) -> None:
    assert install("--print", "--folder", str(tmp_path)) == unit(service._command())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="give --user or --folder"):
        install("--folder", str(tmp_path / "file" / "below"))


def test_elsewhere_than_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(ConfigError, match="this is darwin"):
        install("--user")


def test_a_folder_that_the_services_user_may_not_enter(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    lines = service._complaints(tmp_path / "alpr@.service", str(tmp_path / "home" / "bin" / "alpr"), user=False)
    assert lines
    assert all("below /opt" in line for line in lines[:1])
    assert not any("below /opt" in line for line in service._complaints(tmp_path, "/home/x/alpr", user=True))


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("/opt/alpr/bin/alpr", "ExecStart=/opt/alpr/bin/alpr run"),
        ("/opt/my 100%/alpr", 'ExecStart="/opt/my 100%%/alpr" run'),
        ("/opt/$x/alpr", "ExecStart=/opt/$$x/alpr run"),
    ],
)
def test_paths_in_the_unit(program: str, line: str) -> None:
    assert line in unit([program])


def test_a_program_in_a_home_can_be_reached() -> None:
    assert "ProtectHome=read-only" in unit(["/home/me/alpr/.venv/bin/alpr"])
    assert "ProtectHome=yes" in unit(["/opt/alpr/bin/alpr"])


def test_a_users_manager_makes_no_mount_namespace() -> None:
    text = unit(["/opt/alpr/bin/alpr"], user=True)
    assert not re.findall(r"^(Protect\w+|Private\w+|DynamicUser|CapabilityBoundingSet)=", text, re.M)
    assert "NoNewPrivileges=yes" in text
    assert "WantedBy=default.target" in text


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    assert ANALYZE is not None
    path = tmp_path / "alpr@.service"
    path.write_text(unit(service._command()), encoding="utf-8")
    command = [ANALYZE, "verify", "--man=no", "--recursive-errors=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert [line for line in done.stderr.splitlines() if "alpr@" in line] == []
    # Faults are found where there are some.
    path.write_text(path.read_text(encoding="utf-8").replace("WatchdogSec=60", "WatchdogSec=often"), encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "often" in done.stderr


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_calls_it_well_confined(tmp_path: Path) -> None:
    assert ANALYZE is not None
    path = tmp_path / "alpr@.service"
    path.write_text(unit(["/usr/bin/alpr"]), encoding="utf-8")
    command = [ANALYZE, "security", "--offline=yes", "--threshold=20", "--no-pager", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1:] or done.stderr  # 2.0 of 10, 0 the best
