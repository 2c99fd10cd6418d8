"""Ten minutes of a camera with a parked car before it."""

from __future__ import annotations

from test_state import Look, Play

from streamer.sink.events import PassageFinal

FPS, SECONDS = 5, 600
CUTS = 200, 400  # s: the camera is moved, and the picture jumps


def street(t: float) -> Look:
    """A parked car with traffic that hides it every 20 seconds, and two hard cuts."""
    moved = sum(t >= cut for cut in CUTS)
    x, y = 120 + 60 * moved, 60 + 30 * moved
    parked = {"BLUE1": (float(x), float(y), x + 48.0, y + 16.0)}
    since = t % 20
    if since >= 2.4:
        return Look(parked, s=t)
    # It crosses the whole picture; where it hides the parked plate, that is not seen.
    passing = float(int(since / 2.4 * 300))
    hides = abs(passing - x) < 90
    name = "RED1" if (t // 20) % 2 else "GRN777"
    return Look({name: (passing, y + 2.0, passing + 48, y + 18.0), **({} if hides else parked)}, s=t)


def test_a_parked_car_is_one_row_with_its_dwell() -> None:
    play = Play().looks([street(i / FPS) for i in range(FPS * SECONDS)]).finish()
    rows = [event.passage for _, event in play.events if isinstance(event, PassageFinal)]
    parked = [p for p in rows if p.plate == "BLUE1"]
    assert len(parked) == 1
    assert parked[0].last_s - parked[0].first_s > SECONDS - 5
    assert len(parked[0].parts) >= 2  # joined over the cuts and the traffic
    # The passing cars come back every 40 seconds: each is one vehicle to the 60 seconds of vote.rejoin_s.
    assert len(rows) == 3
    summary, rejected = play.state.summary, sum(play.state.summary.rejected.values())
    assert summary.tracks + summary.rejected.get("seen too rarely", 0) == summary.passages + summary.joined + rejected
