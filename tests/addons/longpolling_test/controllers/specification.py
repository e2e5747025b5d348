# -*- coding: utf-8 -*-
"""The samples of the specification, as an addon's author would copy them."""
from openerp.addons.web_longpolling.longpolling import longpolling
from openerp.addons.web_longpolling.longpolling import get_timeout


@longpolling.route('/mainroute')
@longpolling.route('/otherroute')
@longpolling.route('/varroute/<var1>/<var2>')
def myfunction(request, **kwargs):
    var1 = kwargs.get('var1')
    var2 = kwargs.get('var2')
    return {'var1': var1, 'var2': var2}


@longpolling.route('/sample/user')
def sample(request, **kwargs):
    user = request.model('res.users')
    return user.read([request.uid], ['partner_id'], context=request.context)


@longpolling.route('/sample/timeout')
def timeout(request, **kwargs):
    timeout = get_timeout()
    return timeout


@longpolling.route()
def default(request, **kwargs):
    return {'uid': request.uid, 'kwargs': kwargs}


@longpolling.route('/positional', 'http', False)
def positional(request, **kwargs):
    return 'the three arguments in their order'
