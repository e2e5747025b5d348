"""What the hosts' lists of modules show of each addon: an icon and a page, for every addon that is released."""

import ast
import re
import struct

import pytest

from tests.support.pictures import ADDONS, ICON, icons_of


@pytest.mark.parametrize('addon', ADDONS, ids=lambda addon: addon.name)
def test_an_addon_has_its_icon_where_the_hosts_look_for_it(addon):
    icons = icons_of(addon)
    for path in icons:
        picture = path.read_bytes()
        assert picture[:8] == b'\x89PNG\r\n\x1a\n' and struct.unpack('>II', picture[16:24]) == (ICON, ICON)
        assert picture == icons[0].read_bytes()


@pytest.mark.parametrize('addon', ADDONS, ids=lambda addon: addon.name)
def test_an_addon_has_a_page_under_its_name(addon):
    name = ast.literal_eval((addon / '__manifest__.py').read_text())['name']
    assert re.findall('<h2[^>]*>(.*)</h2>', (addon / 'static/description/index.html').read_text()) == [name]
