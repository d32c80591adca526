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
