"""Webhooks before a real HTTP server that answers well, badly, slowly, never, and breaks connections off."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notifykit import Receiver, message, opened, output_of, receiver, row, self_signed, until
from standardwebhooks import Webhook as Verifier

from streamer.errors import ConfigError
from streamer.notify.makers import target_of
from streamer.notify.outbox import Outbox
from streamer.notify.target import Refused, Target, Unavailable
from streamer.sink.events import PassagesWaiting

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
QUICK = "attempts: {timeout_s: 20, first_s: 0.02, most_s: 0.05, tries: 3}"
IMPATIENT = "attempts: {timeout_s: 0.3}"


def webhook(url: str, more: str = QUICK) -> Target:
    return target_of(output_of(f"{{type: webhook, url: '{url}', {more}}}"))


@pytest.fixture
def server() -> Any:
    with receiver() as found:
        yield found


def test_a_row_is_posted_signed_and_with_its_key(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("TOKEN", "Bearer abcdef")
    more = "secret: '${HOOK_SECRET}', headers: {Authorization: '${TOKEN}', X-Site: north}"
    target = webhook(f"{server.url}/plates?site=1", more)
    for _ in range(2):
        target.send(message(1))
    first, second = server.taken
    body = Verifier(SECRET).verify(first.body, {k.lower(): v for k, v in first.headers.items()})
    assert (body["plate"], body["camera"], body["id"], body["status"]) == ("皖A12345", "gate", "gate1.final", "final")
    assert "source" not in body
    assert (first.path, first.headers["Authorization"], first.headers["X-Site"]) == (
        "/plates?site=1", "Bearer abcdef", "north",
    )  # fmt: skip
    assert first.headers["Content-Type"] == "application/json"
    assert {one.headers["webhook-id"] for one in (first, second)} == {"gate1.final"}
    assert first.headers["Idempotency-Key"] == "gate1.final"


def test_user_and_password_of_an_address_are_a_header(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", server.url.replace("://", "://me:p%40ss@") + "/x")
    webhook("${HOOK}").send(message(1))
    assert server.taken[0].headers["authorization"] == "Basic " + base64.b64encode(b"me:p@ss").decode()


def test_a_picture_makes_it_a_form(server: Receiver) -> None:
    crop = np.full((12, 32, 3), 200, np.uint8)
    shown = message(1)
    from streamer.notify.message import passage_message

    shown = passage_message(row(1, crop=crop).passage, crop=True)
    webhook(server.url, "crop: true").send(shown)
    webhook(server.url, "crop: true, dialect: platerecognizer").send(shown)
    forms = []
    for request in server.taken:
        whole = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n" + request.body
        parts = {}
        for part in message_from_bytes(whole).walk():
            name = part.get_param("name", header="content-disposition")
            if name:
                parts[name] = part.get_payload(decode=True)
        forms.append(parts)
    own, theirs = forms
    assert json.loads(own["event"])["id"] == "gate1.final"
    assert own["crop"][:3] == theirs["upload"][:3] == b"\xff\xd8\xff"
    assert json.loads(theirs["json"])["data"]["results"][0]["plate"] == "皖a12345"


def status(code: int, **headers: str) -> tuple[int, dict[str, str]]:
    return code, {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize("code", [408, 425, 429, 502, 503, 504, 401, 403, 404, 410])
def test_a_target_that_is_not_ready_makes_everything_wait(server: Receiver, code: int) -> None:
    server.answers = [status(code, Retry_After="7")]
    with pytest.raises(Unavailable, match=f"HTTP {code}") as told:
        webhook(server.url).send(message(1))
    assert told.value.after_s == 7


@pytest.mark.parametrize(("code", "final"), [(400, True), (413, True), (422, True), (500, False), (501, False)])
def test_a_message_that_is_not_taken_is_the_only_one(server: Receiver, code: int, final: bool) -> None:
    server.answers = [status(code)]
    with pytest.raises(Refused, match=f"HTTP {code}") as told:
        webhook(server.url).send(message(1))
    assert told.value.final is final


def test_redirects_are_not_followed(server: Receiver) -> None:
    with receiver() as other:
        server.answers = [status(307, Location=f"{other.url}/elsewhere")]
        with pytest.raises(Unavailable, match="HTTP 307: redirects are not followed"):
            webhook(server.url).send(message(1))
        assert not other.requests


@pytest.mark.parametrize(
    ("answer", "told"),
    [("hang", r"no answer in 0\.3 s"), ("reset", "was broken off"), ("drip", r"no answer in 0\.3 s")],
)
def test_a_target_without_an_answer_is_unavailable(server: Receiver, answer: str, told: str) -> None:
    server.answers = [answer]
    with pytest.raises(Unavailable, match=told):
        webhook(server.url, IMPATIENT).send(message(1))


def test_a_slow_answer_counts_by_its_status(server: Receiver) -> None:
    server.answers = ["slow", status(200)]
    target = webhook(server.url, "attempts: {timeout_s: 2}")
    target.send(message(1))
    server.released.set()
    target.send(message(2))  # over another connection


def test_none_listens(server: Receiver) -> None:
    with receiver() as gone:
        url = gone.url
    with pytest.raises(Unavailable, match="the connection was refused"):
        webhook(url).send(message(1))
    with pytest.raises(Unavailable, match="unknown host"):
        webhook("http://no-such-host.invalid").send(message(1))


def test_certificates_are_verified(tmp_path: Path) -> None:
    key, certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiver(context=context) as server:
        with pytest.raises(Unavailable, match=r"certificate is not trusted \(ca_file\)"):
            webhook(server.url).send(message(1))
        webhook(server.url, f"ca_file: {certificate}").send(message(1))
        assert server.ids() == ["gate1.final"]


def test_answers_of_all_kinds_lose_nothing(server: Receiver, tmp_path: Path) -> None:
    """Through the whole output: each row arrives, in order, and the same key marks the tries of one."""
    server.answers = [
        status(503), "reset", status(500), "hang", status(200), "reset", status(200), status(302), status(200)
    ]  # fmt: skip
    patience = "attempts: {timeout_s: 2, first_s: 0.02, most_s: 0.05}"
    sink = opened(f"{{type: webhook, url: '{server.url}', {patience}}}", tmp_path)
    for number in range(1, 6):
        sink.write(row(number))
    until(lambda: len(set(server.ids())) == 5)
    assert list(dict.fromkeys(server.ids())) == [f"gate{n}.final" for n in range(1, 6)]
    sink.close()
    assert Outbox(tmp_path / "webhook.db").counts().waiting == 0


def test_the_rest_waits_for_the_next_run(server: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    server.answers = [status(503)]
    entry = f"{{type: webhook, name: gate, url: '{server.url}', attempts: {{first_s: 60, most_s: 60, drain_s: 0.1}}}}"
    sink = opened(entry, tmp_path)
    sink.write(row(1))
    sink.write(row(2))
    until(lambda: server.requests)
    sink.close()
    assert "gate: 2 rows are not sent yet; they wait in its outbox" in caplog.text
    assert "2 wait in its outbox for the next run" in sink.result()  # type: ignore[attr-defined]
    server.answers = [status(200)]
    again = opened(entry, tmp_path)
    until(lambda: len(server.taken) == 2)
    again.close()
    again.close()


def test_rows_that_were_not_final_when_a_run_was_killed_are_sent(server: Receiver, tmp_path: Path) -> None:
    entry = f"{{type: webhook, url: '{server.url}', filter: {{cameras: [gate]}}}}"
    killed = opened(entry, tmp_path)
    waiting = tuple(row(n).passage for n in (1, 2, 3))
    killed.write(PassagesWaiting("gate", waiting))
    killed.write(row(1))
    killed.write(row(2, parts=("gate3",)))  # took the third in
    killed.write(PassagesWaiting("gate", (row(4).passage,)))
    killed.write(PassagesWaiting("yard", (row(5, "yard").passage,)))
    until(lambda: len(server.taken) == 2)
    killed.close()  # without its end: what follows is as after a kill
    again = opened(entry, tmp_path)
    again.write(PassagesWaiting("gate", ()))
    again.write(PassagesWaiting("yard", ()))
    until(lambda: len(server.taken) == 3)
    again.close()
    assert server.ids() == ["gate1.final", "gate2.final", "gate4.final"]


def test_two_runs_share_a_target(server: Receiver, tmp_path: Path) -> None:
    entry = f"{{type: webhook, name: shared, url: '{server.url}', attempts: {{drain_s: 0.1}}}}"
    first, second = opened(entry, tmp_path), opened(entry, tmp_path)
    second.write(row(1, "yard"))
    first.write(row(1))
    until(lambda: len(server.taken) == 2)
    with pytest.raises(ConfigError, match="shared: another run sends to another address under this name"):
        opened(entry.replace(server.url, "http://127.0.0.1:9"), tmp_path)
    first.close()
    second.write(row(2, "yard"))
    until(lambda: len(server.taken) == 3)  # the other one sends now
    second.close()


SENDS = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from notifykit import opened, row
sink = opened("{type: webhook, url: '%s', attempts: {timeout_s: 20, first_s: 0.01, most_s: 0.05}}" % sys.argv[1],
              Path(sys.argv[2]))
first = int(sys.stdin.readline())
for number in range(first, 10**6):
    sink.write(row(number))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_kills_lose_nothing_and_doubles_have_the_same_key(server: Receiver, tmp_path: Path) -> None:
    """SIGKILL at many moments under load: every row that was taken arrives, and by key none twice."""
    said = -1
    for kill in range(6):
        command = [sys.executable, "-c", SENDS, server.url, str(tmp_path), *sys.path]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{said + 1}\n")
        process.stdin.flush()
        for _ in range(1 + kill * 7):
            said = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split()
        process.wait()
        said = int(rest[-1]) if rest and rest[-1].isdigit() else said
    last = opened(f"{{type: webhook, url: '{server.url}', attempts: {{first_s: 0.01, drain_s: 60}}}}", tmp_path)
    last.close()
    ids = server.ids()
    by_key = list(dict.fromkeys(ids))
    expected = [f"gate{n}.final" for n in range(said + 1)]
    assert [key for key in by_key if key in set(expected)] == expected
    assert len(by_key) - len(expected) <= 6  # those that a killed process had no time to name
    assert len(ids) - len(by_key) <= 6  # sent again: their answer came when nobody was there


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("url: 'https://${NO_SUCH}/x'", r"webhook: url: \$\{NO_SUCH\} is not set in the environment"),
        ("url: https://h, secret: '${FILE}'", r"webhook: secret: \$\{file:/none\}: cannot be read"),
        ("url: https://h, secret: '${SHORT}'", r"webhook: secret: expected 24 to 64 bytes in base64"),
        ("url: '${WORD}'", r"webhook: url: expected https://HOST/PATH once its variables are filled in"),
        ("url: https://h, headers: {X-Token: '${LINES}'}", r"webhook: headers\.X-Token: expected one line"),
        ("url: https://h, ca_file: /none.pem", r"webhook: ca_file: /none\.pem: no such file"),
    ],
)
def test_what_cannot_be_looked_up_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, told: str
) -> None:
    for name, value in {"SHORT": "whsec_abcd", "WORD": "abc", "LINES": "a\nb"}.items():
        monkeypatch.setenv(name, value)
    entry = entry.replace("${FILE}", "${file:/none}")
    with pytest.raises(ConfigError, match=told):
        opened(f"{{type: webhook, {entry}}}", tmp_path)


def test_no_secret_is_told_or_stored(
    server: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "token").write_text("tokenfromfile\n")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK", server.url.replace("://", "://user:hiddenword@") + "/pathtoken")
    server.answers = [status(503), status(422)]
    more = f"secret: '${{HOOK_SECRET}}', headers: {{X-Key: '${{file:{tmp_path}/token}}'}}, {QUICK}"
    sink = opened(f"{{type: webhook, url: '${{HOOK}}', {more}}}", tmp_path)
    sink.write(row(1))
    until(lambda: len(server.requests) == 2)
    sink.close()
    assert server.requests[0].headers["X-Key"] == "tokenfromfile"
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("webhook.db*"))
    for secret in ("hiddenword", "pathtoken", "tokenfromfile", SECRET[6:]):
        assert secret not in caplog.text
        assert secret.encode() not in stored
        assert secret not in sink.result()  # type: ignore[attr-defined]
    assert Outbox(tmp_path / "webhook.db").counts().dead == 1
