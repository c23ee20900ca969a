"""Answers are appended, never changed, and nobody writes over what he has not seen."""

import sqlite3
import threading

import pytest

from defectory.domain import ParameterError
from defectory.projects import ChangedMeanwhileError, last_answer, last_answers
from defectory.projects.answers import answers_of, disagreeing, labeling_answer, new_answers
from defectory.projects.bundle_versions import add_learned
from tests.unit.projects.rows import answered, version_row


def test_an_image_without_answers_is_in_state_0(store):
    with store.reading() as connection:
        last = last_answer(connection, 1)
    assert (last.etag, last.value, last.mask) == ("0", None, None)


def test_every_answer_stays_and_the_last_one_counts(store):
    answered(store, 1, "good")
    answered(store, 1, "defective", defect_type="scratch", seconds=2.5, strategy="random")
    answered(store, 2, "unsure")
    answered(store, 1, None)
    with store.reading() as connection:
        told = answers_of(connection, 1)
        assert [a.value for a in told] == ["good", "defective", None]
        assert [a.previous for a in told] == [0, told[0].id, told[1].id]
        assert (told[1].defect_type, told[1].seconds, told[1].strategy) == (
            "scratch",
            2.5,
            "random",
        )
        assert {i: a.value for i, a in last_answers(connection).items()} == {1: None, 2: "unsure"}


def test_rows_cannot_be_changed_or_removed(store):
    answered(store, 1, "good")
    for statement in ("UPDATE answers SET value = 'defective'", "DELETE FROM answers"):
        with pytest.raises(sqlite3.IntegrityError, match="never"), store.writing() as connection:
            connection.execute(statement)


def test_an_answer_to_another_state_is_refused_with_the_present_one(store):
    seen = answered(store, 1, "good", expected="0")
    with pytest.raises(ChangedMeanwhileError) as told:
        answered(store, 1, "defective", who="ben", expected="0")
    assert told.value.current == seen
    assert answered(store, 1, "defective", who="ben", expected=seen.etag).previous == seen.id


def test_the_table_itself_takes_one_successor_an_answer(store):
    row = (answered(store, 1, "good").id,)
    insert = (
        "INSERT INTO answers (image, previous, what, value, defect_type, who, at, seconds, strategy)"
        " VALUES (1, ?, 'label', 'good', '', 'x', '', 0, '')"
    )
    with pytest.raises(sqlite3.IntegrityError), store.writing() as connection:
        connection.executemany(insert, [row, row])


def test_an_answer_that_is_sent_again_changes_nothing(store):
    first = answered(store, 1, "good", expected="0", client_id="one")
    later = answered(store, 1, "defective", expected=first.etag)
    assert answered(store, 1, "good", expected="0", client_id="one") == later
    with pytest.raises(ParameterError, match="another image"):
        answered(store, 2, "good", client_id="one")


def test_a_mask_keeps_the_label_and_a_label_the_mask(store):
    answered(store, 1, "defective", defect_type="dent")
    drawn = answered(store, 1, None, who="ben", what="mask", mask="abc")
    assert (drawn.value, drawn.defect_type, drawn.mask) == ("defective", "dent", "abc")
    with store.reading() as connection:
        assert labeling_answer(connection, drawn).who == "anna"
    assert answered(store, 1, "good").mask == "abc"
    assert answered(store, 1, None, what="mask", mask=None).value == "good"


def test_what_two_people_say_differently_is_found(store):
    answered(store, 1, "good")
    answered(store, 1, "defective", who="ben")
    answered(store, 2, "good")
    answered(store, 2, "unsure", who="ben")
    answered(store, 3, "defective")
    answered(store, 3, "good")  # anna has changed her mind
    with store.reading() as connection:
        found = disagreeing(connection)
    assert {i: [(a.who, a.value) for a in rows] for i, rows in found.items()} == {
        1: [("anna", "good"), ("ben", "defective")]
    }
    answered(store, 1, "good", who="ben")
    with store.reading() as connection:
        assert not disagreeing(connection)


def test_what_a_version_has_not_learned_is_new(store):
    learned = answered(store, 1, "good")
    answered(store, 2, "defective")
    answered(store, 3, "unsure")
    with store.writing() as connection:
        add_learned(connection, 1, None, {1: learned.id})
        assert [a.image for a in new_answers(connection, 1)] == [2]
        version_row(connection, 2, parent=1)
        add_learned(connection, 2, 1, {2: new_answers(connection, 1)[0].id})
        assert not new_answers(connection, 2)
    answered(store, 1, "good", who="ben")  # says what is known already
    answered(store, 2, None, what="mask", mask="abc")
    with store.reading() as connection:
        assert [a.image for a in new_answers(connection, 2)] == [2]
        assert [a.image for a in new_answers(connection, 1)] == [2]
    answered(store, 1, "defective")
    with store.reading() as connection:
        assert [a.image for a in new_answers(connection, 2)] == [1, 2]


def test_of_many_writers_at_once_one_a_state_succeeds(store):
    taken, refused = [], []

    def write(who):
        for _ in range(10):
            with store.reading() as connection:
                seen = last_answer(connection, 1).etag
            try:
                taken.append((seen, answered(store, 1, "good", who=who, expected=seen).etag))
            except ChangedMeanwhileError:
                refused.append(seen)

    threads = [threading.Thread(target=write, args=(f"person {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + len(refused) == 40
    assert len({seen for seen, _ in taken}) == len(taken)  # no state has two successors
    with store.reading() as connection:
        assert len(answers_of(connection, 1)) == len(taken)
