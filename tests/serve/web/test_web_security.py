"""Attacks on the page, each with what must happen; docs/reference/web-security.md has them as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient
from webkit import PASSWORD, as_user, csrf, served

from streamer.config.web import WebConfig
from streamer.errors import ConfigError
from streamer.serve.web.access import accounts, logins
from streamer.serve.web.access.csrf import SESSION_COOKIE
from streamer.serve.web.access.limits import Limit
from streamer.serve.web.access.login_pages import local_path
from streamer.serve.web.access.passwords import fits, hashed
from streamer.serve.web.roles import User
from streamer.serve.web.sections import sections
from streamer.serve.web.server import needs_login
from streamer.serve.web.shield import HEADERS
from streamer.store.database import open_database
from streamer.store.schema import audit, sessions, tokens, users

USERS = {"ann": "admin", "otto": "operator", "vic": "viewer"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("security") / "plates.db"
    served(path, users=USERS)
    return path


@pytest.fixture
def client(store: Path) -> Iterator[TestClient]:
    one = served(store)
    one.site.login = True  # type: ignore[attr-defined]
    yield one
    one.site.close()  # type: ignore[attr-defined]


def session(client: TestClient) -> str:
    return str(client.cookies[SESSION_COOKIE])


# Without a login


def test_nothing_but_the_login_is_open(client: TestClient) -> None:
    paths = [f"/{one.name}" for one in sections()] + [
        "/live/events",
        "/live/picture/gate",
        "/live/crop/x",
        "/system/log",
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login"), path
    assert client.get("/api/v1/openapi.json").status_code == 401
    assert client.get("/login").status_code == 200


def test_every_route_of_the_interface_demands_a_login(client: TestClient) -> None:
    paths = client.app._app.openapi()["paths"]  # type: ignore[attr-defined]
    assert len(paths) > 12
    for path, methods in paths.items():
        for method in methods:
            answer = client.request(method, re.sub(r"\{[^}]+\}", "x", path), json={})
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_wrong_names_and_passwords_sound_alike_and_are_limited(store: Path) -> None:
    client = served(store)
    client.site.login = True  # type: ignore[attr-defined]
    form = {"csrf_token": csrf(client, "/login")}
    bodies = set()
    for name in ("ann", "nobody"):
        answer = client.post("/login", data=form | {"name": name, "password": "wrong password 1"})
        assert answer.status_code == 401
        bodies.add(re.sub(r'value="\w+" auto', "", answer.text.replace(name, "")).split("alert")[1][:60])
    assert len(bodies) == 1
    for _ in range(4):
        client.post("/login", data=form | {"name": "ann", "password": "wrong"})
    answer = client.post("/login", data=form | {"name": "ann", "password": PASSWORD})
    assert answer.status_code == 429  # even with the right one
    assert int(answer.headers["retry-after"]) > 0
    assert client.post("/login", data=form | {"name": "vic", "password": PASSWORD}).status_code == 303


def test_a_limit_forgets_in_time_and_holds_few_keys() -> None:
    now = [0.0]
    limit = Limit(2, 10.0, lambda: now[0])
    for _ in range(3):
        limit.add("a")
    assert limit.wait_s("a") == 10.0
    now[0] = 11.0
    assert limit.wait_s("a") == 0.0
    for k in range(10_050):
        limit.add(str(k))
    assert len(limit._tries) == 10_000


# Sessions


def test_the_cookie(client: TestClient) -> None:
    answer = as_user(client, "vic")
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION_COOKIE)]
    assert re.search(r"HttpOnly", cookie)
    assert re.search(r"SameSite=strict", cookie, re.I)
    assert "Domain" not in cookie
    secure = served(client.site.store, web=WebConfig(at="8080"))  # type: ignore[attr-defined]
    secure.site.login = True  # type: ignore[attr-defined]
    secure.base_url = "https://localhost"
    answer = as_user(secure, "vic")
    assert all("Secure" in one for one in answer.headers.get_list("set-cookie"))
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_session_that_was_planted_is_not_taken_over(client: TestClient) -> None:
    client.cookies.set(SESSION_COOKIE, "planted-by-somebody", domain="localhost.local")
    as_user(client, "vic")
    found = [one.value for one in client.cookies.jar if one.name == SESSION_COOKIE]
    assert [value for value in found if value != "planted-by-somebody"]
    other = served(client.site.store)  # type: ignore[attr-defined]
    other.site.login = True  # type: ignore[attr-defined]
    other.cookies.set(SESSION_COOKIE, "planted-by-somebody")
    assert other.get("/live").status_code == 303


def test_logging_out_ends_the_session_in_the_store(client: TestClient) -> None:
    as_user(client, "vic")
    old = session(client)
    assert client.post("/logout", data={"csrf_token": csrf(client)}).status_code == 303
    client.cookies.set(SESSION_COOKIE, old)
    assert client.get("/live").status_code == 303


def test_a_new_password_or_removal_ends_sessions(client: TestClient) -> None:
    with open_database(client.site.store) as database:  # type: ignore[attr-defined]
        accounts.add_user(database, "gone", PASSWORD, "viewer")
        as_user(client, "gone")
        assert client.get("/live").status_code == 200
        accounts.set_password(database, "gone", "another good password")
        assert client.get("/live").status_code == 303
        client.cookies.clear()
        as_user(client, "gone", "another good password")
        assert client.get("/live").status_code == 200
        accounts.remove_user(database, "gone")
        assert client.get("/live").status_code == 303


def test_sessions_expire_and_only_hashes_are_stored(client: TestClient) -> None:
    as_user(client, "vic")
    token = session(client)
    with open_database(client.site.store) as database:  # type: ignore[attr-defined]
        with database.read() as connection:
            hashes = connection.execute(select(sessions.c.hash)).scalars().all()
            names = connection.execute(select(users.c.name, users.c.password)).all()
        assert logins.hash_of(token) in hashes
        assert token not in hashes
        assert all(row.password.startswith("scrypt$32768$8$1$") for row in names)
        back = int(timedelta(hours=13) / timedelta(microseconds=1))
        with database.write() as connection:
            connection.execute(update(sessions).values(seen_at=sessions.c.seen_at - back))
    assert client.get("/live").status_code == 303


# Forged requests


@pytest.mark.parametrize("token", ["", "0" * 64, "x", "é"])
def test_a_request_without_the_token_changes_nothing(client: TestClient, token: str) -> None:
    as_user(client, "ann")
    form = {"name": "eve", "password": "long enough password", "role": "admin", "csrf_token": token}
    assert client.post("/access/users", data=form).status_code == 403
    answer = client.post("/api/v1/users", json={k: form[k] for k in ("name", "password", "role")})
    assert answer.status_code == 403
    assert client.post("/logout").status_code == 403
    with open_database(client.site.store) as database:  # type: ignore[attr-defined]
        assert "eve" not in {one.user.name for one in accounts.accounts(database)}


def test_a_request_of_another_site_is_refused_even_with_the_token(client: TestClient) -> None:
    as_user(client, "ann")
    headers = {"x-csrf-token": csrf(client), "sec-fetch-site": "cross-site"}
    assert client.post("/preferences", headers=headers).status_code == 403
    assert client.post("/preferences", headers=headers | {"sec-fetch-site": "same-origin"}).status_code == 303


def test_the_token_is_of_one_session(client: TestClient, store: Path) -> None:
    as_user(client, "ann")
    other = served(store)
    other.site.login = True  # type: ignore[attr-defined]
    as_user(other, "vic")
    assert client.post("/preferences", headers={"x-csrf-token": csrf(other)}).status_code == 403


def test_a_login_needs_its_token_too(client: TestClient) -> None:
    assert client.post("/login", data={"name": "vic", "password": PASSWORD}).status_code == 403


# Rights


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("vic", "/live", 200), ("vic", "/system", 403), ("vic", "/api/v1/system", 403), ("vic", "/api/v1/users", 403),
        ("otto", "/system", 200), ("otto", "/api/v1/users", 403), ("ann", "/api/v1/users", 200),
        ("ann", "/system/configuration", 200),
    ],
)  # fmt: skip
def test_roles(client: TestClient, name: str, path: str, status: int) -> None:
    as_user(client, name)
    assert client.get(path).status_code == status


def test_a_viewer_cannot_make_itself_more(client: TestClient) -> None:
    as_user(client, "vic")
    head = {"x-csrf-token": csrf(client)}
    form = {"name": "vic", "role": "admin"}
    assert client.post("/access/users/change", data=form, headers=head).status_code == 403
    assert client.put("/api/v1/users/vic", json={"role": "admin"}, headers=head).status_code == 403
    assert (
        client.post("/access/tokens", data={"name": "t", "role": "admin", "days": "1"}, headers=head).status_code == 422
    )


def test_the_last_admin_stays(client: TestClient) -> None:
    as_user(client, "ann")
    head = {"x-csrf-token": csrf(client)}
    assert client.delete("/api/v1/users/ann", headers=head).status_code == 422
    assert client.put("/api/v1/users/ann", json={"role": "viewer"}, headers=head).status_code == 422


def test_tokens_of_programs(client: TestClient) -> None:
    with open_database(client.site.store) as database:  # type: ignore[attr-defined]
        ann = accounts.named(database, "ann")
        token = logins.add_token(database, ann, "reports", "viewer", days=1)
        with database.read() as connection:
            assert token not in set(connection.execute(select(tokens.c.hash)).scalars())
        head = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/me", headers=head).json()["role"] == "viewer"
        assert client.get("/api/v1/users", headers=head).status_code == 403  # scope
        assert client.get(f"/api/v1/me?token={token}").status_code == 401  # never in an address
        assert client.get(f"/api/v1/me?access_token={token}").status_code == 401
        assert client.get("/api/v1/me", headers={"authorization": f"Basic {token}"}).status_code == 401
        assert client.get("/api/v1/me", headers={"authorization": "Bearer alpr_wrong"}).status_code == 401
        with database.write() as connection:
            connection.execute(update(tokens).values(expires_at=1))
        assert client.get("/api/v1/me", headers=head).status_code == 401


def test_a_token_of_another_user_cannot_be_removed(client: TestClient) -> None:
    with open_database(client.site.store) as database:  # type: ignore[attr-defined]
        ann = accounts.named(database, "ann")
        logins.add_token(database, ann, "mine", "viewer")
        number = logins.tokens_of(database, ann)[0].id
        as_user(client, "vic")
        client.post("/access/tokens/remove", data={"number": number}, headers={"x-csrf-token": csrf(client)})
        assert number in {one.id for one in logins.tokens_of(database, ann)}


# Addresses, headers, sizes


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/a\r\nSet-Cookie: x=1", "javascript:x",
     "", "/ x", "evil", "/login?next=/x", "/logout", "/\t/evil.example", "/a\\b"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_the_login(client: TestClient, target: str) -> None:
    assert local_path(target) == "/"
    form = {"name": "vic", "password": PASSWORD, "next": target, "csrf_token": csrf(client, "/login")}
    answer = client.post("/login", data=form)
    assert answer.headers["location"] == "/"
    assert "x" not in answer.cookies


def test_paths_of_this_page_are_kept_after_the_login() -> None:
    assert local_path("/passages?text=B*&camera=a") == "/passages?text=B*&camera=a"
    assert local_path("/live/津") == "/live/%E6%B4%A5"


@pytest.mark.parametrize(
    "path",
    ["/static/../../../../etc/passwd", "/static/..%2f..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py",
     "/static/....//app.py", "/live/crop/..%2f..%2fplates.db", "/live/crop/%2e%2e%2fplates.db",
     "/live/picture/../../etc/passwd",
     "/system/plots/..%2f..%2fx.json", "/static/vendor/", "/static", "/api/v1/cameras/..%2f..%2fx/picture"],
)  # fmt: skip
def test_no_path_leads_out(client: TestClient, path: str) -> None:
    as_user(client, "ann")
    answer = client.get(path)
    assert answer.status_code in (404, 422), path
    assert "root:" not in answer.text
    assert "SQLite" not in answer.text


@pytest.mark.parametrize("path", ["/live", "/login", "/nothing", "/api/v1/me", "/static/app.js", "/healthz"])
def test_every_answer_has_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    for name, value in HEADERS.items():
        if name != "cache-control":
            assert headers[name] == value
    assert "'unsafe-inline'" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_texts_of_others_are_no_html(client: TestClient) -> None:
    answer = client.get("/login?next=/%3Cscript%3Ealert(1)%3C/script%3E%22onload=x")
    assert "<script>alert" not in answer.text
    assert '"onload' not in answer.text
    form = {"name": '"><script>alert(1)</script>', "password": "x" * 12, "csrf_token": csrf(client, "/login")}
    assert "<script>alert" not in client.post("/login", data=form).text
    as_user(client, "ann")
    assert "<script>" not in client.get("/api/v1/cameras/%3Cscript%3E").text.replace("\\u003c", "")


def test_large_and_malformed_requests(client: TestClient) -> None:
    token = csrf(client, "/login")
    assert client.post("/login", content=b"x" * 9_000_000).status_code == 413
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content=iter([b"x" * 5_000_000] * 3), headers=kind).status_code in (400, 413)
    form = {"name": "a" * 300, "password": "b" * 5000, "csrf_token": token}
    assert client.post("/login", data=form).status_code == 422
    answer = client.post("/login", content=b"\xff\xfe", headers={"content-type": "multipart/form-data"})
    assert answer.status_code in (400, 403)
    assert client.get("/live", headers={b"cookie": b"alpr_session=\xff\xfe; alpr_lang=\r"}).status_code == 303


def test_host_names(store: Path) -> None:
    """Without a login only names of this machine are answered: another site may have a name that leads here."""
    client = served(store)
    for host, status in [
        ("localhost:8080", 200), ("127.0.0.1", 200), ("[::1]:8080", 200), ("127.8.8.8:1", 200), ("evil.example", 421),
        ("localhost.evil.example", 421), ("", 421), ("127.0.0.1.evil.example", 421), ("192.168.1.4", 421),
    ]:  # fmt: skip
        assert client.get("/live", headers={"host": host}).status_code == status, host
    named = served(store, web=WebConfig(at="8080", hosts=("alpr.lan",)))
    assert named.get("/live", headers={"host": "ALPR.lan:8080"}).status_code == 200
    assert named.get("/live", headers={"host": "other.lan"}).status_code == 421
    assert "evil" not in client.get("/", headers={"host": "localhost", "x-forwarded-host": "evil.example"}).text


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"at": "8080"}, False), ({"at": "localhost:8080"}, False), ({"at": "[::1]:8080"}, False),
        ({"at": "0.0.0.0:8080"}, True), ({"at": "192.168.1.2:8080"}, True), ({"at": "[::]:8080"}, True),
        ({"at": "8080", "login": "always"}, True), ({"at": "8080", "proxies": ("127.0.0.1",)}, True),
        ({"at": "alpr.lan:8080"}, True),
    ],
)  # fmt: skip
def test_where_a_login_is_needed(settings: dict[str, object], needed: bool) -> None:
    assert needs_login(WebConfig.model_validate(settings)) is needed


def test_passwords() -> None:
    stored = hashed("a few good words")
    assert fits("a few good words", stored)
    assert not fits("a few good word", stored)
    assert not fits("x" * 2000, stored)
    assert not fits("anything at all", None)
    assert hashed("a few good words") != stored


@pytest.mark.parametrize("password", ["short", "x" * 11, "aaaaaaaaaaaaaaa", "y" * 2000])
def test_poor_passwords_are_refused(store: Path, password: str) -> None:
    with open_database(store) as database, pytest.raises(ConfigError):
        accounts.add_user(database, "poor", password, "viewer")


def test_who_did_what_is_noted(client: TestClient) -> None:
    as_user(client, "ann")
    with open_database(client.site.store) as database, database.read() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(select(audit.c.who, audit.c.action, audit.c.details)).all()
    assert ("ann", "login") in {(row.who, row.action) for row in rows}
    assert "user add" in {row.action for row in rows}
    assert all(PASSWORD not in row.details and "scrypt" not in row.details for row in rows)


def test_cameras_that_a_user_may_not_see(store: Path) -> None:
    user = User("cam", "viewer", frozenset({"gate"}))
    assert user.sees("gate")
    assert not user.sees("yard")
    assert not User("none", "viewer", frozenset()).sees("gate")
    assert User("all", "viewer").sees("yard")
