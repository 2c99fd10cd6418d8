"""Crops of tracks that gave no row: the newest of each camera and reason, in the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from streamer.store.schema import rejection_crops, rejections
from streamer.types import Rejection

MOST = 12  # of each camera and reason


def keep_crop(connection: Connection, number: int, camera_id: int, rejection: Rejection) -> None:
    """Adds the crop of a row of `rejections`, in place of the oldest of its kind."""
    import cv2

    assert rejection.crop is not None
    png = cv2.imencode(".png", rejection.crop)[1].tobytes()
    connection.execute(insert(rejection_crops).values(rejection_id=number, png=png))
    kept = (
        select(rejection_crops.c.rejection_id)
        .join(rejections, rejection_crops.c.rejection_id == rejections.c.id)
        .where(rejections.c.camera_id == camera_id, rejections.c.reason == rejection.reason)
        .order_by(rejection_crops.c.rejection_id.desc())
    )
    old = connection.execute(kept.offset(MOST)).scalars().all()
    if old:
        connection.execute(delete(rejection_crops).where(rejection_crops.c.rejection_id.in_(old)))
