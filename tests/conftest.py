import pytest

from tests.world import World


@pytest.fixture
def new_world(tmp_path, monkeypatch):
    """Make worlds with settings of their own; each is closed at the end."""
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "state"))
    for name in ("TM_CONFIG", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    made = []

    def make(**flags):
        directory = tmp_path / f"world-{len(made)}"
        directory.mkdir()
        one = World(directory, **flags)
        made.append(one)
        one.paper.start()
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def world(new_world):
    return new_world()


def pytest_terminal_summary(terminalreporter):
    """Print what tests counted (`record_property("figures", ...)`): the README states such lines."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == "figures":
                    terminalreporter.write_line(value)
