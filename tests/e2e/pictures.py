"""`python -m tests.e2e.pictures`: make README's pictures anew, of the real screen and the real page."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.bridge import Bridge
from tests.e2e.browser import Browser
from tests.e2e.place import TM
from tests.e2e.scene import TITLE_FED, afternoon
from tests.e2e.tmux import Terminal
from tests.world import World

FOLDER = Path(__file__).parents[1] / "pictures"
WIDTH, HEIGHT = 100, 24
THEME = TerminalTheme(
    (24, 26, 28),
    (222, 222, 218),
    [(24, 26, 28), (232, 120, 116), (113, 198, 147), (226, 182, 95), (131, 177, 238), (200, 160, 220),
     (120, 196, 204), (222, 222, 218)],
    [(110, 114, 118), (240, 140, 138), (130, 214, 165), (240, 200, 110), (150, 190, 245), (215, 180, 235),
     (140, 210, 218), (255, 255, 255)],
)  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tm-pictures-") as directory:
        sys.stderr.write("ticking through an afternoon (half a minute)\n")
        world = afternoon(Path(directory), minutes=240)
        try:
            _draw_screen(world, Path(directory))
            _photograph_page(world)
        finally:
            world.close()


def _draw_screen(world: World, directory: Path) -> None:
    environ = {**os.environ, "OPENCLAW_STATE_DIR": str(world.state_dir)}
    terminal = Terminal(directory, environ, WIDTH, HEIGHT)
    try:
        terminal.run(*TM, "watch")
        terminal.see("Trade Manager", "next look", "watching")
        shown = terminal.screen(colours=True)
    finally:
        terminal.close()
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.rstrip("\n")), no_wrap=True)
    # rich would let the picture ask a content delivery network for its font
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.S)
    form = form.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    picture = console.export_svg(title="tm watch", theme=THEME, code_format=form, unique_id="watch")
    picture = re.sub(r"<!-- Generated with Rich[^>]*-->\s*", "", picture)
    (FOLDER / "watch.svg").write_text(picture, encoding="utf-8")


def _photograph_page(world: World) -> None:
    with Bridge(world.settings) as bridge, Browser() as browser:
        browser.resize(1000, 800)
        browser.open(bridge.url + "/")
        browser.find("article h3", TITLE_FED)
        for name, scheme in (("page", "light"), ("page-dark", "dark")):
            browser.prefer(color_scheme=scheme, reduced_motion="reduce")
            time.sleep(0.3)
            browser.picture(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
