# -*- coding: utf-8 -*-
"""What a controller is called with: who asks, and what for."""
import sys
import time

from openerp.addons.web_longpolling.longpolling import AuthenticationError, longpolling


@longpolling.route('/who')
def who(request, pause=0, **kwargs):
    """Who asks, read before and after another poll may have run."""
    before = request.uid
    time.sleep(pause)
    login = request.model('res.users').read([request.uid], ['login'])[0]['login']
    return {'uid': before, 'again': request.uid, 'login': login, 'db': request.db, 'context': request.context}


@longpolling.route('/public', mustbeauthenticated=False)
def public(request, **kwargs):
    if hasattr(request, 'uid'):
        return {'uid': request.uid, 'context': request.context, 'db': request.db}
    return {'has': [name for name in ('uid', 'context', 'db') if hasattr(request, name)]}


@longpolling.route('/public/model', mustbeauthenticated=False)
def public_model(request, **kwargs):
    return request.model('res.users').search([])


@longpolling.route('/public/caught', mustbeauthenticated=False)
def public_caught(request, **kwargs):
    """What each of them says without a login."""
    said = {}
    for name, use in (('uid', lambda: request.uid), ('model', lambda: request.model('res.users')),
                      ('snapshot', lambda: request.snapshot().__enter__())):
        try:
            use()
        except AuthenticationError as error:
            said[name] = str(error)
    return said


@longpolling.route('/echo')
@longpolling.route('/echo/<name>')
def echo(request, **kwargs):
    return kwargs


@longpolling.route('/strict/<int:number>')
def strict(request, number, wanted):
    """Takes these parameters and no others."""
    return {'number': number, 'wanted': wanted}


@longpolling.route('/types/<int:whole>/<float:broken>/<path:rest>')
def types(request, whole, broken, rest, **kwargs):
    return [[type(value).__name__.replace('unicode', 'str'), value] for value in (whole, broken, rest)]


@longpolling.route('/werkzeug', mode='json', mustbeauthenticated=False)
def werkzeug(request, **kwargs):
    """The attributes of werkzeug's own Request."""
    return {
        'method': request.method,
        'path': request.path,
        'args': request.args.to_dict(),
        'header': request.headers.get('X-Test'),
        'cookie': request.cookies.get('colour'),
        'host': request.host,
        'agent': request.headers.get('User-Agent'),
        'environ': request.environ['REQUEST_METHOD'],
    }


@longpolling.route('/browser', mustbeauthenticated=False)
def browser(request, **kwargs):
    """Who the browser is, and what it has asked, as far as the sidecar is told."""
    return {'remote': request.remote_addr, 'scheme': request.scheme, 'host': request.host, 'url': request.url_root}


@longpolling.route('/modules', mustbeauthenticated=False)
def modules(request, **kwargs):
    """Whether both names of the host's package lead to the very same modules."""
    import openerp.addons.web_longpolling.longpolling as face
    import openerp.addons.web_longpolling.routes as routes
    package = __name__.split('.', 1)[0]
    own = sys.modules[package + '.addons.web_longpolling.longpolling']
    loaded = [(name, module) for name, module in sys.modules.items()
              if name.endswith('addons.web_longpolling.longpolling') and module is not None]
    return {
        'host': package,
        'names': sorted(name for name, module in loaded),
        'same': face is own and all(module is own for name, module in loaded),
        'tables': routes.table is sys.modules[package + '.addons.web_longpolling.routes'].table,
    }
