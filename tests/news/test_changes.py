"""The route /changes: a page learns what has become of what it shows, and nobody learns anything of other records."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import visit
from tests.support.held_polls import eventually, held_on
from tests.support.pages import Page

MODEL = 'longpolling.test.watched'
TABLE = 'longpolling_test_watched'
NOTHING = {'changed': [], 'gone': [], 'others': False}
# What a page must not be told within this time, in seconds, it is not told: the look comes every 0.8 s.
SILENCE = 3


@pytest.fixture(scope='session')
def rule(stack, sql):
    """Of the watched model everybody reads what is his own or nobody's."""
    sql(f"""
        DELETE FROM ir_rule WHERE name = 'own';
        INSERT INTO ir_rule (name, model_id, domain_force, "global", active, perm_read, perm_write, perm_create,
            perm_unlink) SELECT 'own', id, '["|", ("owner_id", "=", user.id), ("owner_id", "=", False)]', true, true,
            true, false, false, false FROM ir_model WHERE model = '{MODEL}'""")
    visit(stack, stack.login, stack.password).rpc('ir.rule', 'write', [
        [row[0] for row in sql("SELECT id FROM ir_rule WHERE name = 'own'")], {'name': 'own'}])     # clears caches


@pytest.fixture
def make(sql, rule):
    """`make(owner, count)`: ids of new records, written by SQL."""
    def run(owner=None, count=1):
        return [row[0] for row in sql(
            f"INSERT INTO {TABLE} (name, owner_id) SELECT 'row ' || n, %s FROM generate_series(1, %s) AS n "
            "RETURNING id", (owner, count))]
    return run


def showing(session, ids, **params) -> Page:
    """A page that shows these records, after its first poll."""
    page = Page(session.clone(), '/changes', {'model': MODEL, 'ids': ids, **params})
    assert page.answer() == NOTHING
    return page


def silent(answer):
    """The poll is held, and goes on to be."""
    with pytest.raises(TimeoutError):
        answer.result(timeout=SILENCE)


def test_a_page_learns_what_changed_and_what_is_gone(holding, ann, make, sql):
    one, two, three = make(count=3)
    page = showing(ann, [one, two])
    answer = holding.hold(page)
    sql(f"UPDATE {TABLE} SET name = 'x' WHERE id = %s", (one,))
    assert answer.result().json() == {**NOTHING, 'changed': [one]}
    answer = holding.hold(page)
    sql(f"DELETE FROM {TABLE} WHERE id = %s", (two,))
    assert answer.result().json() == {**NOTHING, 'gone': [two]}
    page.params['ids'] = [one]
    answer = holding.hold(page)
    sql(f"UPDATE {TABLE} SET name = 'x' WHERE id = %s", (three,))
    assert answer.result().json() == {**NOTHING, 'others': True}


def test_others_are_told_if_they_belong_to_what_the_page_lists(holding, ann, make, sql):
    one, two = make(count=2)
    page = showing(ann, [one], domain=[['name', '=', 'listed']])
    form, quiet = showing(ann, [one], domain=None), showing(ann, [one], others=False)
    answer, of_form, of_quiet = holding.hold(page), holding.hold(form), holding.hold(quiet)
    sql(f"UPDATE {TABLE} SET name = 'other' WHERE id = %s", (two,))
    silent(answer)
    sql(f"UPDATE {TABLE} SET name = 'listed' WHERE id = %s", (two,))
    assert answer.result().json() == {**NOTHING, 'others': True}
    silent(of_form)
    silent(of_quiet)
    sql(f"UPDATE {TABLE} SET name = 'listed' WHERE id = %s", (one,))
    assert of_form.result().json() == of_quiet.result().json() == {**NOTHING, 'changed': [one]}


def test_many_concern_those_who_may_read_some_of_them(holding, ann, new_user, make):
    """An import of 10,000 rows: others for whoever may read one of them, nothing for the rest."""
    bob = new_user()
    [record] = make(ann.uid)
    page, other = showing(ann, [record]), showing(bob, [])
    answer, of_bob = holding.hold(page), holding.hold(other)
    make(ann.uid, 10000)
    assert answer.result().json() == {**NOTHING, 'others': True}
    silent(of_bob)
    make()      # whose he may read
    assert of_bob.result().json() == {**NOTHING, 'others': True}


def test_the_first_poll_tells_what_was_written_since_the_page_has_read(ann, admin, make, rule):
    """What a colleague has written between the page's reading and its first poll."""
    record = admin.rpc(MODEL, 'create', [{'name': 'just now'}])
    record = record[0] if isinstance(record, list) else record
    page = Page(ann.clone(), '/changes', {'model': MODEL, 'ids': [record], 'age': 10})
    assert page.answer()['changed'] == [record]
    page = Page(ann.clone(), '/changes', {'model': MODEL, 'ids': [], 'age': 10})
    assert page.answer() == {**NOTHING, 'others': True}


def test_the_first_poll_tells_also_what_sql_has_written(ann, make, sql):
    """The record does not say when, but the database does; and what was deleted is no news of those that are there."""
    kept, gone = make(count=2)
    time.sleep(7)
    page = {'model': MODEL, 'ids': [kept], 'domain': None, 'age': 0}
    assert Page(ann.clone(), '/changes', page).answer() == NOTHING
    sql(f'DELETE FROM {TABLE} WHERE id = %s', (gone,))
    assert Page(ann.clone(), '/changes', page).answer() == NOTHING
    sql(f"UPDATE {TABLE} SET name = 'x' WHERE id = %s", (kept,))
    assert Page(ann.clone(), '/changes', page).answer() == {**NOTHING, 'changed': [kept]}


def test_a_model_that_does_not_keep_when_it_was_written_has_a_first_poll_too(stack, admin):
    model = 'ir.translation' if stack.host == 'openerp-7.0' else 'ir.module.module.dependency'
    records = admin.rpc(model, 'search', [[]], {'limit': 2})
    for ids in (records, []):
        assert Page(admin.clone(), '/changes', {'model': model, 'ids': ids, 'age': 60}).answer() == NOTHING


def test_that_many_were_deleted_is_told_to_those_alone_who_show_them(holding, ann, make, sql):
    """To everybody else it would say that something has become of records that he may not read."""
    ids = make(count=1500)
    kept, gone = ids[700], ids[:700] + ids[701:]
    page, other = showing(ann, [kept, gone[0]]), showing(ann, [kept])
    answer, of_other = holding.hold(page), holding.hold(other)
    sql(f'DELETE FROM {TABLE} WHERE id = ANY(%s)', (gone,))
    assert answer.result().json() == {**NOTHING, 'gone': [gone[0]]}
    silent(of_other)
    sql(f"UPDATE {TABLE} SET name = 'x' WHERE id = %s", (kept,))
    assert of_other.result().json() == {**NOTHING, 'changed': [kept]}


@pytest.mark.parametrize('operation', ['write', 'unlink', 'create'])
def test_who_may_not_read_a_record_learns_nothing_of_it(holding, ann, new_user, make, sql, operation):
    """Though the page claims to show it: that it has no right is all it hears, and then nothing any more."""
    mallory = new_user()
    [secret, another] = make(ann.uid, 2)
    page = Page(mallory.clone(), '/changes', {'model': MODEL, 'ids': [secret, another, secret + 10 ** 6]})
    # What he can't read and what there is not look the same.
    assert page.answer() == {**NOTHING, 'gone': [secret, another, secret + 10 ** 6]}
    assert page.answer() == {**NOTHING, 'gone': [secret, another, secret + 10 ** 6]}
    page.params['ids'] = []
    answer = holding.hold(page)
    statement = {'write': f"UPDATE {TABLE} SET name = 'x' WHERE id = {secret}",
                 'unlink': f'DELETE FROM {TABLE} WHERE id = {secret}',
                 'create': f"INSERT INTO {TABLE} (name, owner_id) VALUES ('x', {ann.uid})"}[operation]
    sql(statement)
    silent(answer)
    sql(f"UPDATE {TABLE} SET owner_id = %s WHERE id = %s", (mallory.uid, another))
    assert answer.result().json() == {**NOTHING, 'others': True}


def test_rules_are_those_of_the_moment(holding, ann, new_user, make, sql):
    """A record that a colleague takes away is gone, and what becomes of it then is told no more."""
    bob = new_user()
    [record] = make(bob.uid)
    page = showing(bob, [record])
    answer = holding.hold(page)
    sql(f"UPDATE {TABLE} SET owner_id = %s WHERE id = %s", (ann.uid, record))
    assert answer.result().json() == {**NOTHING, 'gone': [record]}
    # A page that goes on to claim it hears at once that it is gone, before anything has happened to it.
    assert page.answer() == {**NOTHING, 'gone': [record]}


def test_who_may_not_read_the_model_is_refused(ann):
    """So is who asks for a model that there is not, in the same words."""
    refused = {'error': 'There is no such model, or you may not read it.'}
    for model in ('no.such.model', 'longpolling.watch'):
        answer = Page(ann.clone(), '/changes', {'model': model, 'ids': [1]}).poll()
        assert (answer.status_code, answer.json()) == (403, refused)


@pytest.mark.parametrize('params', [
    {}, {'model': 7}, {'model': 'x' * 300}, {'model': MODEL, 'ids': 'all'}, {'model': MODEL, 'ids': [True]},
    {'model': MODEL, 'ids': list(range(1001))}, {'model': MODEL, 'domain': 'x'}, {'model': MODEL, 'context': [1]},
    {'model': MODEL, 'others': 1},
    {'model': MODEL, 'age': 'old'}, {'model': MODEL, 'age': 'nan'}, {'model': MODEL, 'age': 10 ** 390},
    {'model': MODEL, 'domain': [['no_such_field', '=', 1]]}, {'model': MODEL, 'domain': [1]},
    {'model': MODEL, 'domain': [['id', '=', 'x']], 'age': 1}, {'model': MODEL, 'domain': [['owner_id.no', '=', 1]]},
    {'model': MODEL, 'domain': ['|'] * 4000 + [['name.x', '=', 'x']] * 4001}], ids=lambda params: str(params)[:90])
def test_what_is_no_page_is_a_bad_request(ann, params):
    answer = Page(ann.clone(), '/changes', params).poll()
    assert answer.status_code == 400
    assert answer.json()['error'].count('.') == 1


def test_a_context_is_as_for_any_call_of_the_page(stack, ann, admin, make):
    """Whatever its names; it can't make the user another one."""
    [record] = make(admin.uid)
    page = {'model': MODEL, 'ids': [record], 'context': {'\xe9': 1, 'uid': 1, 'su': True, 'active_test': False}}
    assert Page(ann.clone(), '/changes', page).answer() == {**NOTHING, 'gone': [record]}
    if stack.host != 'openerp-7.0':
        page['context'] = {'allowed_company_ids': [10 ** 6]}
        assert Page(ann.clone(), '/changes', page).poll().status_code == 400


def test_many_who_look_at_the_same_are_told_to_take_turns(stack, ann, make, sql):
    """Their reloads are spread over a time that grows with them, 30 a second; who looks at something else is not told
    to wait for them.
    """
    record, *others = make(count=20)
    pages = [showing(ann, [record]) for _ in range(60)]
    forms = [showing(ann, [each], domain=None) for each in others]
    before = len(held_on(stack, '/changes'))
    with ThreadPoolExecutor(len(pages) + len(forms)) as pool:
        answers = [pool.submit(page.answer) for page in pages]
        of_forms = [pool.submit(form.answer) for form in forms]
        wanted = before + len(pages) + len(forms)
        eventually(lambda: len([poll for poll in held_on(stack, '/changes') if poll['channels']]) >= wanted)
        sql(f"UPDATE {TABLE} SET name = 'y' WHERE id = ANY(%s)", ([record, *others],))
        found = [answer.result() for answer in answers]
        assert [form.result() for form in of_forms] == [{**NOTHING, 'changed': [each]} for each in others]
    assert all(answer['changed'] == [record] for answer in found)
    # Of 60 at 30 a second; other tests have left some pages that are waited for.
    assert [answer for answer in found if 1.9 <= answer['within'] <= 4]
    assert showing(ann, [record])       # whose answer has nothing of it
