"""What happened is written with what changed, and the chain shows any meddling."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit
from jinbiao.datasets.audit import FIRST_HASH, AuditEvent, AuditHead, Verdict
from jinbiao.datasets.db import Database


def record(database: Database, number: int, actor: str = "li") -> None:
    with database.write() as session:
        audit.record(session, actor, "test.done", f"test/{number}", number=number, text="标注")


def verify(database: Database) -> Verdict:
    with database.read() as session:
        return audit.verify(session)


def meddle(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(sa.text(statement))


@pytest.fixture
def five(database: Database) -> Database:
    """Give a database with five events."""
    for number in range(1, 6):
        record(database, number)
    return database


def test_an_empty_chain_holds(database: Database) -> None:
    assert verify(database) == Verdict(0, FIRST_HASH, None)


def test_events_are_listed_newest_first(five: Database) -> None:
    with five.read() as session:
        first = audit.events(session, limit=2)
        rest = audit.events(session, before=first[-1].number)
        assert [event.number for event in first + rest] == [5, 4, 3, 2, 1]
        (third,) = audit.events(session, subject="test/3")
    assert (third.actor, third.action) == ("li", "test.done")
    assert third.detail == '{"number":3,"text":"标注"}'
    verdict = verify(five)
    assert (verdict.events, verdict.fault) == (5, None)


def test_an_event_is_rolled_back_with_what_it_tells(five: Database) -> None:
    with pytest.raises(RuntimeError), five.write() as session:
        audit.record(session, "li", "test.done", "test/6")
        raise RuntimeError
    with five.read() as session:
        audit.record(session, "li", "test.done", "test/7")
    with five.write() as session:
        session.execute(sa.text("SELECT 1"))
    assert verify(five).events == 5


def test_several_events_of_one_transaction_keep_their_order(database: Database) -> None:
    with database.write() as session:
        for number in range(3):
            audit.record(session, "li", "test.done", f"test/{number}")
    with database.read() as session:
        found = [event.subject for event in reversed(audit.events(session))]
    assert found == ["test/0", "test/1", "test/2"] and verify(database).events == 3


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE audit_events SET actor = 'wang' WHERE number = 3"], "event 3 was changed"),
        (["UPDATE audit_events SET at = '2020' WHERE number = 1"], "event 1 was changed"),
        (["UPDATE audit_events SET detail = '{}' WHERE number = 5"], "event 5 was changed"),
        (["UPDATE audit_events SET hash = 'x' WHERE number = 2"], "event 2 was changed"),
        (["DELETE FROM audit_events WHERE number = 3"], "event 3 is missing"),
        (["DELETE FROM audit_events WHERE number = 1"], "event 1 is missing"),
        (["DELETE FROM audit_events WHERE number = 5"], "ends at event 4, its head says 5"),
        (["DELETE FROM audit_events"], "ends at event 0, its head says 5"),
        (
            [
                "UPDATE audit_events SET number = 9 WHERE number = 2",
                "UPDATE audit_events SET number = 2 WHERE number = 3",
                "UPDATE audit_events SET number = 3 WHERE number = 9",
            ],
            "event 2 was changed",
        ),
        (
            [
                "DELETE FROM audit_events WHERE number = 3",
                "UPDATE audit_events SET number = 3 WHERE number = 4",
                "UPDATE audit_events SET number = 4 WHERE number = 5",
                "UPDATE audit_head SET length = 4",
            ],
            "event 3 was changed",
        ),
        (["UPDATE audit_head SET length = 4"], "ends at event 4, its head says 4"),
        (["UPDATE audit_head SET hash = 'x'"], "ends at event 5, its head says 5"),
        (["DELETE FROM audit_head"], "ends at event 0, its head says 0"),
        (
            [
                "INSERT INTO audit_events (number, at, actor, action, subject, detail, hash) "
                "VALUES (6, '', '', '', '', '', '')"
            ],
            "event 6 lies beyond the head",
        ),
    ],
)
def test_meddling_is_found(five: Database, statements: list[str], fault: str) -> None:
    meddle(five, *statements)
    found = verify(five).fault
    assert found is not None and fault in found


def test_writers_at_once_keep_one_chain_while_it_is_verified(database: Database) -> None:
    def write(number: int) -> None:
        record(database, number, f"writer-{number % 4}")
        assert verify(database).fault is None

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(write, number) for number in range(60)]:
            done.result()
    with database.read() as session:
        numbers = list(session.scalars(sa.select(AuditEvent.number).order_by(AuditEvent.number)))
        head = session.get_one(AuditHead, 1)
    assert numbers == list(range(1, 61))
    assert verify(database) == Verdict(60, head.hash, None)
