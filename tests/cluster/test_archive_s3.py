"""An archive in S3, as a server on this machine has it (moto's)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from archivekit import HerePool, config_of, engines_of, in_one, recording

from streamer.cluster.archive import tasks
from streamer.cluster.archive.driver import Archive, Settings
from streamer.cluster.archive.files import entries_of
from streamer.cluster.archive.manifest import Manifest
from streamer.errors import InputError


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a bucket; s3fs and boto find the server by the environment."""
    server_module = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("HTTP_PROXY", raising=False)
        patch.delenv("http_proxy", raising=False)
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("archive")
        yield "s3://archive"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_files_of_a_bucket_are_read(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    config = config_of()
    engines = engines_of(config)
    monkeypatch.setattr(tasks, "engines_of", lambda job: engines)
    monkeypatch.setenv("ALPR_SPOOL", str(tmp_path / "spool"))
    video = recording(tmp_path / "a.mp4", 60)
    files = s3fs.S3FileSystem()
    for name in ("gate/a.mp4", "gate/notes.txt", "yard/2026/a.mp4"):
        files.put_file(str(video), f"archive/{name}")
    assert [one.name for one in entries_of([f"{bucket}/gate/*.mp4"])] == ["a.mp4"]
    assert [one.path for one in entries_of([f"{bucket}/gate/a.mp4"])] == ["s3://archive/gate/a.mp4"]
    entries = entries_of([bucket])
    assert [one.name for one in entries] == ["gate/a.mp4", "yard/2026/a.mp4"]
    assert {one.size for one in entries} == {video.stat().st_size}
    assert all(one.stamp for one in entries)
    manifest = Manifest(tmp_path / "out", {})
    done = Archive(entries[:1], manifest, Settings(config, "", 0.8, 0.4), HerePool()).run(
        lambda progress: None, lambda: False
    )
    manifest.close()
    assert (done.done, done.failed) == (1, 0)
    (rows,) = (tmp_path / "out/rows").glob("*.csv")
    cells = [line.split(",", 1)[1] for line in rows.read_text().splitlines()[1:]]
    expected = in_one(video, config, engines)
    assert [one.split(",")[0] for one in cells] == [row[1] for row in expected]
    assert [row[14] in line for row, line in zip(expected, cells, strict=True)] == [True] * len(expected)
    assert not list((tmp_path / "spool").glob("*/*.mp4"))  # the copy is dropped with the last task
    with pytest.raises(InputError, match="no video is there"):
        entries_of(["s3://archive/nowhere"])
