"""Why a track has no row: one reason each, with the setting that decides it."""

from __future__ import annotations

from streamer.config.models import ReadConfig, TrackConfig, VoteConfig
from streamer.passages.readings import TrackReadings, is_weak
from streamer.tracking.track import Track
from streamer.types import Reason, Rejection

# A text less probable than this is a guess at something outside the alphabet: another script, a badge. The least
# confident of 737 correct readings of held-out plates has 0.31.
LEGIBLE = 0.05


def rejection_of(
    track: Track, readings: TrackReadings | None, camera: str, config: tuple[TrackConfig, ReadConfig, VoteConfig]
) -> Rejection:
    """The ledger's entry for an ended track that made no passage. `readings` None: it was never confirmed."""
    of_track, of_read, of_vote = config
    reason: Reason
    setting: str | None
    found: float
    needed: float
    if readings is None:
        reason, setting, found, needed = "seen too rarely", "track.birth_hits", track.hits, of_track.birth_hits
    elif is_weak(track, of_track.min_strong):
        share = track.strong / track.hits
        reason, setting, found, needed = "found too weakly", "track.min_strong", share, of_track.min_strong
    elif not readings.state.reads:
        reason, setting, found, needed = "too small to read", "read.min_height", readings.tallest, of_read.min_height
    elif not readings.voted or readings.verdict.confidence < LEGIBLE:
        reason, setting, found, needed = "nothing legible", None, 0, 1
    elif readings.voted < of_vote.min_reads:
        reason, setting, found, needed = "read too rarely", "vote.min_reads", readings.voted, of_vote.min_reads
    else:
        reason, setting = "not sure enough", "vote.min_confidence"
        found, needed = readings.confidence(track), of_vote.min_confidence
    best = track.best if readings is None or readings.best is None else readings.best
    return Rejection(
        camera=camera,
        track_id=track.id,
        reason=reason,
        setting=setting,
        found=found,
        needed=needed,
        text=readings.verdict.text if readings and reason != "nothing legible" else "",
        confidence=readings.confidence(track) if readings else 0.0,
        first_frame=track.first.frame,
        last_frame=track.last.frame,
        best_frame=best.frame,
        first_s=track.first.pts,
        last_s=track.last.pts,
        first_seen=track.first.seen,
        box=best.box,
        score=best.score,
        n_hits=track.hits,
        n_reads=readings.state.reads if readings else 0,
        crop=readings.crop if readings else None,
    )
