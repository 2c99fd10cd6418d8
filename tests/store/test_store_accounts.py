"""Users, logins and tokens of the page in both databases, and what the live page reads of the store."""

from __future__ import annotations

import pytest
from storekit import row

from streamer.errors import ConfigError
from streamer.serve.web.access import accounts, logins
from streamer.serve.web.live.cameras import states_of_store
from streamer.serve.web.live.rows import stored_rows
from streamer.serve.web.roles import User
from streamer.sink.events import HealthChanged, PassageFinal
from streamer.store.database import open_database
from streamer.store.sink import StoreSink

PASSWORD = "correct horse battery"


def test_accounts(where: str) -> None:
    with open_database(where, create=True) as database:
        ann = accounts.add_user(database, "ann", PASSWORD, "admin")
        accounts.add_user(database, "cam", PASSWORD, "viewer", ["gate", "yard"])
        with pytest.raises(ConfigError, match="there is a user"):
            accounts.add_user(database, "ann", PASSWORD, "viewer")
        assert accounts.verified(database, "ann", PASSWORD) == ann
        assert accounts.verified(database, "ann", "wrong") is None
        assert accounts.named(database, "cam").cameras == {"gate", "yard"}
        session = logins.begin_session(database, ann, address="10.0.0.1", browser="x")
        token = logins.add_token(database, ann, "reports", "operator", 1)
        assert logins.session_user(database, session, 12) == ann
        assert logins.token_user(database, token) == User("ann", "operator", None, ann.id)
        assert [(one.user.name, one.logins, one.tokens) for one in accounts.accounts(database)] == [
            ("ann", 1, 1), ("cam", 0, 0)
        ]  # fmt: skip
        other = logins.begin_session(database, ann)
        logins.end_sessions(database, ann, but=session)
        assert logins.session_user(database, other, 12) is None
        assert [one.current for one in logins.sessions_of(database, ann, session)] == [True]
        with pytest.raises(ConfigError, match="last admin"):
            accounts.remove_user(database, "ann")
        accounts.change_user(database, "cam", "admin", None)
        accounts.remove_user(database, "ann")
        assert logins.session_user(database, session, 12) is None
        assert logins.token_user(database, token) is None
        assert accounts.count(database) == 1


def test_what_the_live_page_reads(where: str) -> None:
    sink = StoreSink(where)
    for k, camera in enumerate(("gate", "yard", "gate"), 1):
        sink.write(PassageFinal(camera, row(k, f"AB12{k}", camera=camera)))
    sink.write(HealthChanged("yard", False, "timeout"))
    with open_database(where) as database:
        assert [one.plate for one in stored_rows(database)] == ["AB123", "AB122", "AB121"]
        assert [one.plate for one in stored_rows(database, User("u", "viewer", frozenset({"yard"})))] == ["AB122"]
        assert [(one.name, one.state) for one in states_of_store(database)] == [
            ("gate", "unknown"),
            ("yard", "offline"),
        ]
        sink.close()  # the run has ended
        assert [one.state for one in states_of_store(database)] == ["stopped", "stopped"]
