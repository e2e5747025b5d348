"""Live views: who may not read a record learns nothing of it, nor of those who look at it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import RpcError, visit

MODEL, PRESENCE = 'res.partner', 'longpolling.live.presence'
NOBODY = 2 ** 31 - 7        # an id that there is not


def created(record) -> int:
    return record[0] if isinstance(record, list) else record


@pytest.fixture
def partner(site):
    """A partner of the administrator's company, which a rule keeps from other companies."""
    [user] = site.admin.rpc('res.users', 'read', [[site.admin.uid], ['company_id']])
    record = created(site.admin.rpc(MODEL, 'create', [{'name': 'Live of one company',
                                                       'company_id': user['company_id'][0]}]))
    [model] = site.admin.rpc('ir.model', 'search', [[('model', '=', MODEL)]])
    rule = created(site.admin.rpc('ir.rule', 'create', [{
        'name': 'live', 'model_id': model,
        'domain_force': "['|', ('company_id', '=', False), ('company_id', '=', user.company_id.id)]"}]))
    yield record
    site.admin.rpc('ir.rule', 'unlink', [[rule]])
    site.admin.rpc(MODEL, 'unlink', [[record]])


@pytest.fixture(scope='module')
def carl(site):
    """A user of another company."""
    company = created(site.admin.rpc('res.company', 'create', [{'name': "Carl's"}]))
    site.admin.create_user('carl', 'carl', company_id=company, company_ids=[[6, 0, [company]]])
    return visit(site, 'carl')


def asked(session, route: str, **params):
    answer = session.poll(route, {'model': MODEL, **params})
    return answer.status_code, answer.json() if answer.content else None


def test_a_user_of_another_company_learns_nothing(site, partner, carl):
    """Whatever he asks, the answer is that of a record that there is not: no ids, no counts, no names."""
    ann = visit(site, 'ann')
    [name] = [user['name'] for user in site.admin.rpc('res.users', 'read', [[ann.uid], ['name']])]
    ann.rpc(PRESENCE, 'here', [MODEL, partner, True])
    assert asked(site.admin, '/live/cards', records=[partner]) == (
        200, {'people': {str(partner): [{'id': ann.uid, 'name': name, 'editing': True}]}})
    for record in (partner, NOBODY):
        assert asked(carl, '/live/presence', record=record) == (200, {'people': []})
        assert asked(carl, '/live/cards', records=[record]) == (200, {'people': {}})
        assert carl.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
        assert asked(carl, '/changes', ids=[record], domain=[('id', '=', record)], age=60) == (
            200, {'changed': [], 'gone': [record], 'others': False})
    for model, method, arguments in ((MODEL, 'read', [[partner], ['write_uid']]),       # where the bar has its name
                                     (PRESENCE, 'search', [[]])):
        with pytest.raises(RpcError):
            carl.rpc(model, method, arguments)
    # Nor does he appear to others by saying that he looks at it.
    carl.rpc(PRESENCE, 'here', [MODEL, partner, True])
    assert [person['id'] for person in site.admin.rpc(PRESENCE, 'who', [MODEL, [partner]])[str(partner)]] == [ann.uid]
    # A poll that is held hears of no coming and going.
    page = {'records': [partner], 'known': {}}
    first = carl.poll('/live/cards', {'model': MODEL, **page})
    ann.rpc(PRESENCE, 'here', [MODEL, partner, False])
    ann.rpc(PRESENCE, 'here', [MODEL, partner, False, True])
    assert first.status_code == 204


def test_who_can_not_be_read_is_not_named(site, carl):
    """Of a record that both may read, a user is told of those users alone whom he may read."""
    record = created(site.admin.rpc(MODEL, 'create', [{'name': 'Live of all'}]))
    [model] = site.admin.rpc('ir.model', 'search', [[('model', '=', 'res.users')]])
    rule = created(site.admin.rpc('ir.rule', 'create', [{
        'name': 'live', 'model_id': model, 'domain_force': "[('company_id', '=', user.company_id.id)]"}]))
    try:
        visit(site, 'ann').rpc(PRESENCE, 'here', [MODEL, record])
        assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]])
        assert carl.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
    finally:
        site.admin.rpc('ir.rule', 'unlink', [[rule]])
        site.admin.rpc(MODEL, 'unlink', [[record]])


@pytest.mark.parametrize('setting', ['False', ' false ', '0', 'off'])
def test_an_administrator_ends_it_for_whoever_asks(site, setting):
    """Not only for pages, which may have been opened before; and nobody is noted any more."""
    record = created(site.admin.rpc(MODEL, 'create', [{'name': 'Live of nobody'}]))
    key = 'web_longpolling_live.presence'
    ann = visit(site, 'ann')
    ann.rpc(PRESENCE, 'here', [MODEL, record])
    assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]])
    parameter = created(site.admin.rpc('ir.config_parameter', 'create', [{'key': key, 'value': setting}]))
    try:
        assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
        ann.rpc(PRESENCE, 'here', [MODEL, record, False, True])
        ann.rpc(PRESENCE, 'here', [MODEL, record])
    finally:
        site.admin.rpc('ir.config_parameter', 'unlink', [[parameter]])
    assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
    site.admin.rpc(MODEL, 'unlink', [[record]])


def test_two_windows_of_a_user_are_one_face(site):
    """Though they were opened in the same moment; and he leaves when he leaves."""
    record = created(site.admin.rpc(MODEL, 'create', [{'name': 'Live of two windows'}]))
    ann = visit(site, 'ann')
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda editing: ann.clone().rpc(PRESENCE, 'here', [MODEL, record, editing]), [False, True] * 2))
    [person] = site.admin.rpc(PRESENCE, 'who', [MODEL, [record]])[str(record)]
    assert person['id'] == ann.uid
    ann.rpc(PRESENCE, 'here', [MODEL, record, False, True])
    assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
    ann.rpc(PRESENCE, 'here', [MODEL, record, True, False, 'one'])
    ann.rpc(PRESENCE, 'here', [MODEL, record, False, False, 'two'])
    [person] = site.admin.rpc(PRESENCE, 'who', [MODEL, [record]])[str(record)]
    assert (person['id'], person['editing']) == (ann.uid, True), 'the window that only looks changes nothing'
    ann.rpc(PRESENCE, 'here', [MODEL, record, False, True, 'two'])
    assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]])[str(record)] == [person]
    ann.rpc(PRESENCE, 'here', [MODEL, record, False, True, 'one'])
    assert site.admin.rpc(PRESENCE, 'who', [MODEL, [record]]) == {}
    site.admin.rpc(MODEL, 'unlink', [[record]])


def test_what_is_no_record_is_nobodys(site, carl):
    for model, records in ((7, [1]), ('no.such', [1]), ('x' * 1000, [1]), (MODEL, 'x'), (MODEL, [10 ** 30, True, 'x'])):
        answer = carl.poll('/live/cards', {'model': model, 'records': records})
        assert (answer.status_code, answer.json()) == (200, {'people': {}})
