"""A page of another site can not poll with the login of whoever looks at it: Sec-Fetch-Site and Origin decide."""

import pytest

OTHER_SITE = [
    {'Origin': 'http://evil.example'}, {'Origin': 'null'}, {'Origin': ''}, {'Origin': 'http://127.0.0.1:1'},
    {'Origin': 'https://127.0.0.1.evil.example'}, {'Origin': 'http://evil.example', 'Sec-Fetch-Site': 'same-site'},
    {'Origin': 'chrome-extension://abcdef'}, {'Sec-Fetch-Site': 'cross-site'},
    {'Sec-Fetch-Site': 'cross-site', 'Origin': 'SAME'}]
SAME_SITE = [
    {}, {'Origin': 'SAME'}, {'Origin': 'SAME', 'Sec-Fetch-Site': 'same-origin'}, {'Sec-Fetch-Site': 'same-origin'},
    {'Sec-Fetch-Site': 'none'}, {'Sec-Fetch-Site': 'same-site'}]


def cookie(session):
    """The header with the session's cookie: requests itself sends it to the host of its own name alone."""
    return {'Cookie': '{}={}'.format(*session.cookie)}


def told(headers, origin):
    return {name: origin if value == 'SAME' else value for name, value in headers.items()}


@pytest.mark.parametrize('headers', OTHER_SITE, ids=str)
def test_another_sites_page_is_refused(ann, stack, headers):
    answer = ann.poll('/who', headers=told(headers, stack.url))
    assert answer.status_code == 403
    assert ann.poll('/who', method='GET', headers=told(headers, stack.url)).status_code == 403


@pytest.mark.parametrize('headers', SAME_SITE, ids=str)
def test_the_users_own_page_is_not(ann, stack, headers):
    assert ann.poll('/who', headers=told(headers, stack.url)).status_code == 200


@pytest.mark.parametrize('headers', OTHER_SITE, ids=str)
def test_on_a_public_route_it_polls_without_the_users_login(ann, stack, headers):
    assert ann.poll('/public', headers=told(headers, stack.url)).json() == {'has': []}
    assert ann.poll('/public').json()['uid'] == ann.uid


DEFAULT_PORTS = [('http://www.example.com', 'www.example.com'), ('https://www.example.com', 'www.example.com'),
                 ('https://www.example.com', 'www.example.com:443'), ('http://www.example.com:80', 'WWW.example.com'),
                 ('https://www.example.com:8443', 'www.example.com:8443'), ('http://[::1]:8080', '[::1]:8080')]


@pytest.mark.parametrize('origin, name', DEFAULT_PORTS)
def test_the_port_of_a_scheme_may_be_left_out(ann, stack, origin, name):
    headers = {'Origin': origin, 'Host': name, **cookie(ann)}
    assert ann.poll('/who', url=stack.sidecar_url, headers=headers).status_code == 200
    assert ann.poll('/who', url=stack.sidecar_url, headers=dict(headers, Host='x' + name)).status_code == 403


def test_behind_a_dispatcher_that_names_the_sidecar_the_origin_tells_nothing(ann, stack):
    """As in the specification's nginx configuration, which does not pass the header Host on."""
    own = stack.sidecar_url.partition('//')[2]
    assert ann.poll('/who', url=stack.sidecar_url, headers={
        'Host': own, 'Origin': 'http://www.myopenerp.fr'}).status_code == 200
    assert ann.poll('/who', url=stack.sidecar_url, headers={
        'Host': own, 'Origin': 'http://www.myopenerp.fr', 'Sec-Fetch-Site': 'cross-site'}).status_code == 403


def test_with_proxy_mode_the_host_is_the_one_that_the_dispatcher_names(programs, ann):
    forwarded = {'Host': 'inside', 'X-Forwarded-Host': 'www.example.com', 'Origin': 'https://www.example.com',
                 **cookie(ann)}
    for proxy_mode, expected in (('True', 200), ('False', 403)):
        config = programs.config('origin', proxy_mode=proxy_mode)
        with programs.serving('-c', config, '-p', programs.port()) as serving:
            assert ann.poll('/who', url=serving.url, headers=forwarded).status_code == expected
            if expected == 403:
                assert 'is refused as one of another site' in serving.log
