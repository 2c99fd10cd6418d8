"""Tables of what train/evaluate/watchlists.py measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streamer.watch.traffic import Traffic
from train.evaluate.watchlists import SHARES, Pair, Week, by_likelihood, by_text


def print_rates(console: Console, title: str, pairs: Sequence[Pair]) -> None:
    """What each mode finds and takes for it; likelihood at several shares, and at that of every other mode."""
    twins = sum(len(pair.twins) for pair in pairs)
    table = Table(title=f"{title}: {len(pairs)} passages, {twins} pairs with a twin", box=SIMPLE_HEAD)
    for heading in ("mode", "threshold", "found %", "twins falsely reported %"):
        table.add_column(heading)
    texts = by_text(pairs)
    for rate in texts:
        table.add_row(rate.mode, "", f"{100 * rate.found:.1f}", f"{100 * rate.twins:.2f}")
    shares = sorted({*SHARES, *(rate.twins for rate in texts)})
    for threshold, rate in by_likelihood(pairs, Traffic(), shares):
        shown = (
            "every plausible plate" if threshold < 0 else "exact text" if math.isinf(threshold) else f"{threshold:.1f}"
        )
        table.add_row(rate.mode, shown, f"{100 * rate.found:.1f}", f"{100 * rate.twins:.2f}")
    console.print(table)


def print_weeks(console: Console, title: str, found: Sequence[Week]) -> None:
    """What came of each budget."""
    table = Table(title=title, box=SIMPLE_HEAD)
    for heading in ("mode", "budget a week", "threshold", "false alerts a week", "found %"):
        table.add_column(heading)
    for week in found:
        budget = "" if week.budget is None else f"{week.budget:g}"
        threshold = "" if math.isinf(week.threshold) else f"{week.threshold:.1f}"
        table.add_row(week.mode, budget, threshold, f"{week.falsely:.2f}", f"{100 * week.found:.1f}")
    console.print(table)
