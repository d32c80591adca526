"""The exchange as a process of its own, and its state over restarts and kills."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import requests

from tm.venue.paper.control import PaperControl
from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer


@contextmanager
def paper_process(db, stop=signal.SIGTERM):
    command = [sys.executable, "-m", "tm.venue.paper", "--port", "0", "--db", str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield PaperControl(process.stdout.readline().strip())
        finally:
            process.send_signal(stop)
    assert process.returncode == (0 if stop == signal.SIGTERM else -stop)


def bet(url, amount):
    return requests.post(
        f"{url}/api/skills/polymarket/bet",
        json={"tokenId": "yes", "side": "SELL", "amount": amount},
        headers={"Authorization": "Bearer ssk_paper"},
        timeout=5,
    )


def test_everything_but_faults_survives_a_restart(tmp_path):
    with PaperServer(tmp_path / "paper.db") as paper:
        paper.control.create("yes", shares=100)
        paper.control.load("yes", "slow_drift", row=3)
        paper.control.settings(trade_lag=1000)
        paper.control.user_rest("yes", 10, "0.95")
        bet(paper.url, 25)
        paper.control.fault(Fault("bet", "approval"), Fault("bet", "page", count=None))
        bet(paper.url, 5)
        before = (paper.control.orders(), paper.control.wallet(), paper.control.settings())
    with PaperServer(tmp_path / "paper.db") as paper:
        assert (paper.control.orders(), paper.control.wallet(), paper.control.settings()) == before
        assert paper.control.faults() == []
        assert paper.control.advance("yes")["row"] == 4
        assert len(paper.control.user_cancel()) == 1


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_accepted_survives_its_own_end(tmp_path, stop):
    with paper_process(tmp_path / "paper.db", stop) as control:
        control.create("yes", shares=100)
        control.set_book("yes", "0.40", "0.42")
        assert bet(control.url, 25).status_code == 200
    with paper_process(tmp_path / "paper.db") as control:
        assert control.sold("yes") == 25
        assert bet(control.url, 75).status_code == 200
        assert control.held("yes") == 0


def test_two_exchanges_do_not_share_a_file(tmp_path):
    path = tmp_path / "paper.db"
    with PaperServer(path), pytest.raises(OSError, match="open in another paper exchange"):
        PaperServer(path)


def test_a_taken_port_is_an_error_and_leaves_nothing_open():
    with PaperServer() as paper, pytest.raises(OSError, match="in use"):
        PaperServer(port=int(paper.url.rsplit(":", 1)[1]))


def test_closing_ends_threads_and_connections_that_hang():
    before = set(threading.enumerate())
    with PaperServer() as paper, requests.Session() as session:
        paper.control.fault(Fault("holdings", "hang"))
        with pytest.raises(requests.Timeout):
            session.get(f"{paper.url}/api/skills/polymarket/holdings", timeout=0.05)
        assert session.get(f"{paper.url}/api/skills/polymarket/trades", timeout=5).status_code == 401
    assert set(threading.enumerate()) <= before


def test_a_server_never_started_can_be_closed():
    PaperServer().close()


def test_orders_sent_at_once_never_sell_more_than_is_held(tmp_path):
    with PaperServer(tmp_path / "paper.db") as paper:
        paper.control.create("yes", shares=100)
        paper.control.set_book("yes", "0.40", "0.42")
        codes: list[int] = []
        threads = [
            threading.Thread(target=lambda: codes.append(bet(paper.url, 30).status_code)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == [200] * 3 + [500] * 5
        assert paper.control.sold("yes") == 90


def test_a_forked_child_that_is_killed_leaves_the_exchange_alone():
    with PaperServer() as paper:
        paper.control.create("yes", shares=100)
        paper.control.set_book("yes", "0.40", "0.42")
        child = os.fork()
        if child == 0:
            bet(paper.url, 10)
            os.kill(os.getpid(), signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        assert paper.control.sold("yes") == 10
        assert bet(paper.url, 10).status_code == 200
