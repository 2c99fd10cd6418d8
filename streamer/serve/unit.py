"""The unit file that runs `alpr run` under systemd: one instance per configuration, alpr@NAME."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

# Without a mount namespace: a user's manager may be unable to make one.
_FOR_ALL = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0027
"""
_FOR_SYSTEM = """\
DynamicUser=yes
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
AmbientCapabilities=
RemoveIPC=yes
"""


def unit(command: Sequence[str], *, user: bool = False) -> str:
    """The text of `alpr@.service`, for the system or for one user's manager. `command`: the program, by its absolute
    path, and what stands before its verb."""
    home = "read-only" if _in_home(command[0]) else "yes"
    confinement = _FOR_ALL if user else _FOR_SYSTEM.format(home=home) + _FOR_ALL
    network = "" if user else "After=network-online.target time-sync.target\nWants=network-online.target\n"
    return f"""\
# Written by alpr service install. Change it with: systemctl {"--user " if user else ""}edit alpr@NAME
[Unit]
Description=Licence plates of %i
{network}# Five starts within five minutes, then it is left alone.
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
# Ready when the first camera has delivered a frame (live.ready: all waits for all of them); as long as cameras are
# tried, the start is extended.
Type=notify
NotifyAccess=main
TimeoutStartSec=180
# Signs of life are sent only while the loop of every camera turns.
WatchdogSec=60
# Lines like GATE_PASSWORD=..., for ${{GATE_PASSWORD}} in an address. Mode 600 is enough.
EnvironmentFile=-%E/alpr/%i.env
ExecStart={" ".join(map(_quoted, command))} run --config %E/alpr/%i.yaml
# SIGTERM writes the rows of all vehicles and ends with 0.
TimeoutStopSec=60
Restart=on-failure
RestartSec=10
# 2: the configuration is wrong, 5: a network is missing. No restart helps.
RestartPreventExitStatus=2 5
# Relative paths of outputs lie here.
StateDirectory=alpr/%i
WorkingDirectory=%S/alpr/%i

# Confinement. MemoryDenyWriteExecute is not possible: the networks' code is generated at run time.
{confinement}
[Install]
WantedBy={"default" if user else "multi-user"}.target
"""


def _in_home(path: str) -> bool:
    return PurePosixPath(path).parts[1:2] in (("home",), ("root",))


def _quoted(word: str) -> str:
    """A word of ExecStart=; % begins a specifier there, and $ a variable."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if any(c in word for c in " \t'\"\\") or not word else word
