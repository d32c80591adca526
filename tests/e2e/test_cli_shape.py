"""What every command shares: help, the forms of output and of errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tm import __version__
from tm.cli.app import COMMANDS, root

TM = Callable[..., Any]


def every_command() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command that can be run, with its words."""

    def below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                yield from below(child, (*words, name))
        else:
            yield words, command

    whole = root()
    for name in COMMANDS:
        yield from below(whole.get_command(None, name), (name,))


COMMAND_LIST = list(every_command())


@pytest.mark.parametrize(
    ("words", "command"), COMMAND_LIST, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_help_an_example_and_the_shared_options(
    words: tuple[str, ...], command: Any
) -> None:
    assert command.help.strip()
    assert "Example" in command.help
    assert f"tm {' '.join(words)}" in command.help
    assert {"--json", "--config"} <= {option for param in command.params for option in param.opts}


def test_nothing_to_do_shows_the_help(tm: TM) -> None:
    for args in ((), ("-h",), ("--help",)):
        done = tm(*args)
        assert done.code == 0
        assert done.out.startswith("Usage: tm ")
        for name in COMMANDS:
            assert f"\n  {name} " in done.out
    assert tm("config").out.startswith("Usage: tm config ")


def test_version_is_json_in_a_pipe_and_words_on_a_terminal(tm: TM, tm_tty: TM) -> None:
    assert tm("version").json["version"] == __version__
    assert tm_tty("version").out.startswith(f"tm {__version__} (Python ")
    assert tm_tty("version", "--json").out.startswith('{"version": ')
    assert tm("--version").out == f"tm {__version__}\n"


def test_a_list_is_an_array_with_one_record_a_line(tm: TM) -> None:
    done = tm("config", "show")
    lines = done.out.splitlines()
    assert len(done.json) == len(lines)
    assert json.loads(lines[0][1:-1]) == done.json[0]


def test_a_list_is_a_table_on_a_terminal_and_colour_can_be_refused(tm_tty: TM) -> None:
    coloured = tm_tty("config", "show")
    assert coloured.code == 0
    assert "\x1b[1m" in coloured.out
    plain = tm_tty("config", "show", NO_COLOR="1", TERM="dumb")
    assert "\x1b" not in plain.out
    assert "pollIntervalSeconds" in plain.out


@pytest.mark.parametrize(
    ("args", "said", "shows"),
    [
        (("confg",), "No such command 'confg'. Did you mean 'config'?", "`tm --help`"),
        (("config", "shw"), "No such command 'shw'. Did you mean 'show'?", "`tm config --help`"),
        (("version", "--jso"), "No such option: --jso (Possible options: --json)", "`tm version --help`"),
        (("completion",), "Missing argument 'bash|zsh|fish'", "`tm completion --help`"),
        (("completion", "tcsh"), "'tcsh' is not one of", "`tm completion --help`"),
        (("version", "extra"), "unexpected extra argument", "`tm version --help`"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    args: tuple[str, ...], said: str, shows: str, tm: TM, tm_tty: TM
) -> None:
    done = tm(*args)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    error = done.error
    assert said in error["error"]
    assert shows in error["hint"]
    assert (error["code"], error["exitCode"], error["retryable"]) == ("usage", 2, False)
    on_terminal = tm_tty(*args)
    assert (on_terminal.code, on_terminal.out) == (2, "")
    assert on_terminal.err.startswith("error: ")
    assert said in on_terminal.err
    assert f"\nhint: {shows}" in on_terminal.err
    assert json.loads(tm_tty(*args, "--json").err)["exitCode"] == 2


def test_an_error_of_the_configuration_ends_with_78_in_both_forms(tm: TM, tm_tty: TM) -> None:
    done = tm("config", "show", TM_PORT="70000")
    assert (done.code, done.out) == (78, "")
    assert done.error["code"] == "config_invalid"
    assert done.error["error"] == 'port (environment TM_PORT): "70000" is not a port, 1 to 65535'
    assert tm_tty("config", "show", TM_PORT="70000").err.startswith("error: port (environment TM_PORT)")


def test_json_and_config_are_accepted_after_any_subcommand(tm: TM, tm_tty: TM, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"port": 1234}')
    shown = json.loads(tm_tty("config", "show", "--json", "--config", str(path)).out)
    assert {"value": 1234, "source": f"file {path}"}.items() <= next(
        r for r in shown if r["key"] == "port"
    ).items()
    assert tm("config", "path", "--config", str(path)).out == f"{path}\n"
    assert tm("config", "path", TM_CONFIG=str(path)).out == f"{path}\n"
    assert tm("config", "path", "--json", TM_CONFIG=str(path)).json == {"path": str(path)}


def test_a_reader_that_leaves_early_is_no_fault(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tm", "completion", "bash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_output_that_cannot_be_written_is_said(environ: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tm", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environ,
            text=True,
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr


def test_control_c_ends_with_130_and_says_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    fifo = tmp_path / "config.json"
    os.mkfifo(fifo)  # whoever reads it waits, so that the signal finds the program at work
    command = [sys.executable, "-m", "tm", "config", "show", "--config", str(fifo)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        writer = os.open(fifo, os.O_WRONLY)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        os.close(writer)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_asks_tm_for_records(shell: str, tm: TM) -> None:
    assert " _complete " in tm("completion", shell).out


def test_a_json_run_imports_neither_rich_nor_other_commands(environ: dict[str, str]) -> None:
    code = "import sys; from tm.cli.app import run; run(['config', 'show']); "
    code += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "tm.cli.config" in loaded
    unwanted = {"rich", "requests", "bottle", "sqlite_utils", "tm.cli.init", "tm.cli.version"}
    assert not unwanted & loaded
