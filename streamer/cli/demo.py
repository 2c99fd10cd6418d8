"""`alpr demo`: reads the drawn clip that comes with the program."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.console import notice, print_line


@click.command()
@click.option("--csv", type=click.Path(path_type=Path), metavar="FILE", help="Write the rows to this file.")
@click.option(
    "--video",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the clip with boxes and texts drawn into it.",
)
@click.option("--path", "shown", is_flag=True, help="Print the path of the clip, and read nothing.")
def demo(csv: Path | None, video: Path | None, shown: bool) -> None:
    """Read a drawn clip of six seconds with three vehicles, which comes with the program, and print its rows.

    Nothing is downloaded and no camera is needed: it shows that the installation works.
    """
    from streamer.cli.run import run
    from streamer.engine.zoo import demo_clip

    clip = demo_clip()
    if shown:
        print_line(str(clip))
        return
    outputs = [text for name, path in (("--csv", csv), ("--video", video)) if path for text in (name, str(path))]
    notice(f"alpr run {' '.join([str(clip), *outputs])}")
    run.main([str(clip), *outputs], prog_name="alpr demo", standalone_mode=False)
