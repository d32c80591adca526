"""The agent's manual: every command in it is run, against the paper exchange and the running bridge."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bridge import SECRET, Client
from tests.e2e.serving import running, wait_for
from tests.gateway import Gateway
from tm.host import skill
from tm.ids import new_id

TM = Callable[..., Any]

TEXT = skill.text()
BODY = TEXT.split("---\n", 2)[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", BODY, re.S)
INLINE = re.findall(r"`((?:tm|curl) [^`]+)`", re.sub(r"```.*?```", "", BODY, flags=re.S))
MAY_FIND = {"tm doctor": (0, 3)}  # exit codes; 3: it names something to look at


def commands(block: str) -> list[str]:
    """The single commands of a block; one goes on over a line's end with a backslash."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


ALL = [*(command for block in BLOCKS for command in commands(block)), *INLINE]


@pytest.fixture
def shell(live, port, exchange, gateway, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Run one command as an agent would, its words in capitals replaced by what there is."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    program = bin_dir / "tm"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tm "$@"\n')
    program.chmod(0o755)
    env = {**live, "PATH": f"{bin_dir}:{live['PATH']}", "TM_ALERTS_SHARED_SECRET": SECRET}
    client = Client(port)

    def run(command: str) -> Any:
        exchange.hold("111", "100", "0.5")
        known = {"MARKET_ID": "0xmarket-111", "TOKEN_ID": "111", "127.0.0.1:19000": f"127.0.0.1:{port}"}
        if "RULE_ID" in command:
            body = {"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "111", "triggerPrice": 0.2}
            known["RULE_ID"] = client.ask("POST", "/api/rules", body).json["id"]
        if "ALERT_ID" in command or "JOB_ID" in command:
            known |= failed_alert(client, gateway)
        for word, value in known.items():
            command = command.replace(word, value)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], env=env, capture_output=True, text=True, timeout=60
        )

    with running("run", env=env):
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        yield run


def failed_alert(client: Client, gateway: Gateway) -> dict[str, str]:
    """An alert whose wake the gateway refused, and its job, which can be looked at and tried anew."""
    gateway.answer(400)
    body = {"source": "test", "alertType": "news", "mode": "WAKE_AGENT", "idempotencyKey": new_id()}
    alert = client.ask("POST", "/api/alerts", body, token=SECRET).json["id"]
    wait_for(lambda: client.ask("GET", f"/api/alerts/{alert}").json["status"] == "FAILED")
    gateway.answer()
    (job,) = client.ask("GET", f"/api/alerts/{alert}").json["jobs"]
    return {"ALERT_ID": alert, "JOB_ID": job["id"]}


def test_the_manual_teaches_the_command_line_first_and_http_second() -> None:
    assert len(BLOCKS) >= 6
    used = " ".join(ALL)
    for words in ("rule add", "rule list", "rule edit", "rule cancel", "alert add", "job list", "status"):
        assert f"tm {words}" in used
    assert BODY.index("tm rule add") < BODY.index("curl")
    for call in ("-X POST http://127.0.0.1:19000/api/alerts", "/api/jobs", "Idempotency-Key", "-X DELETE"):
        assert call in used


def test_every_command_of_the_manual_works_as_written(shell: Callable[[str], Any]) -> None:
    for command in ALL:
        done = shell(command)
        assert done.returncode in MAY_FIND.get(command, (0,)), (command, done.stdout, done.stderr)
        if command.startswith("curl"):
            answer = json.loads(done.stdout)
            assert "error" not in answer, (command, answer)


def test_every_word_of_state_that_the_manual_explains_exists() -> None:
    from tm.model import Outcome, RuleStatus

    tables = re.findall(r"\| (rule|execution) \| \|\n\|---\|---\|\n((?:\|.*\n)+)", BODY)
    explained = {
        name: {word.strip() for row in rows.splitlines() for word in row.split("|")[1].split(",")}
        for name, rows in tables
    }
    assert explained == {"rule": set(RuleStatus), "execution": set(Outcome)}


def test_the_front_matter_is_what_openclaw_reads() -> None:
    lines = dict(line.split(": ", 1) for line in TEXT.split("---\n")[1].splitlines())
    assert lines["name"] == skill.NAME
    assert lines["user-invocable"] == "true"
    description = json.loads(lines["description"])
    assert 40 < len(description) < 160
    meant = json.loads(lines["metadata"])["openclaw"]
    assert meant["requires"] == {"bins": ["tm"]}
    assert meant["os"] == ["linux"]
    assert meant["install"] == [
        {"id": "uv", "kind": "uv", "package": "openclaw-trade-manager", "bins": ["tm"]}
    ]


def test_show_prints_it_and_install_puts_it_where_openclaw_looks(tm: TM, state: Path, tmp_path: Path) -> None:
    assert tm("skill", "show").out == TEXT
    page = state / "skills" / "trade-manager" / "SKILL.md"
    assert tm("skill", "install", "-n").json == {"path": str(page), "result": "written", "dryRun": True}
    assert not page.exists()
    assert tm("skill", "install").json == {"path": str(page), "result": "written", "dryRun": False}
    assert page.read_text("utf-8") == TEXT
    assert tm("skill", "install").json["result"] == "unchanged"
    page.write_text("old")
    assert tm("skill", "install").json["result"] == "updated"
    assert page.read_text("utf-8") == TEXT
    assert [path.name for path in page.parent.iterdir()] == ["SKILL.md"]
    elsewhere = tm("skill", "install", "--workspace", str(tmp_path / "w")).json["path"]
    assert elsewhere == str(tmp_path / "w" / "skills" / "trade-manager" / "SKILL.md")
