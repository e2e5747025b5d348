"""What our addons draw can be read in the web client's light and dark colours, and in the user's own."""

from tests.browser.test_live import form, partners, picture  # noqa: F401  a fixture among them

# A wall of its own, in place of the page, in each of its states; with a note of somebody and one that waits.
STATES = ('connecting', 'live', 'reconnecting', 'offline', 'logged_out', 'stopped')
WALL = """(state) => {
    const root = document.querySelector(".longpolling_demo");
    root.replaceChildren();
    const actions = {post: () => new Promise(() => undefined), retry: () => undefined};
    const view = new longpolling_demo.WallView(root, actions);
    view.show_state({name: state, wait: 0});
    view.show_watchers(["Ann", "Bob"]);
    view.add_notes([{id: 1, text: "Hello", author: "Ann", date: "2026-01-01 12:00:00"}]);
    view.place(view.bubble("You", "On its way", "2026-01-01 12:01:00", "Sending …"), 2);
    view.problem.textContent = "The note could not be posted.";
}"""

# The texts below the selector that are hard to read, as [text, contrast]: below 4.5 (WCAG 2.2, 1.4.3).
FAINT = """(selector) => {
    const channels = (colour) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (rgb) => rgb.slice(0, 3).map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const background = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = channels(getComputedStyle(one).backgroundColor);
            if (colour[3] === 255) {
                return colour;
            }
        }
        return [255, 255, 255];
    };
    const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll(selector + ", " + selector + " *")]
        .filter((element) => own(element) && element.checkVisibility())
        .map((element) => {
            const [one, other] = [channels(getComputedStyle(element).color), background(element)].map(luminance);
            const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            return [element.textContent, Math.round(contrast * 10) / 10];
        }).filter(([, contrast]) => contrast < 4.5);
}"""

ARRIVED = '!document.querySelector(".longpolling_demo").getAnimations({subtree: true}).length'

# How bright the page is behind the wall, from 0 to 255.
BRIGHTNESS = """() => Math.max(...getComputedStyle(document.querySelector(".longpolling_demo")).backgroundColor
    .match(/[0-9]+/g).map(Number))"""


# OpenERP 7.0 has no dark colours. Odoo's community edition has a bundle for them, which our addons put theirs into, but
# no switch and no palette: the addon of these tests switches it on, and Odoo's own part of the page stays white.
COLOURS = {'openerp-7.0': ('light',), 'odoo-19.0': ('light', 'dark')}


def coloured(windows, colours):
    window = windows('admin')
    window.context.add_cookies([{'name': 'color_scheme', 'value': colours, 'url': window.stack.url}])
    return window


def test_the_wall_can_be_read_in_all_its_states(windows, site):
    for colours in COLOURS[site.host]:
        window = coloured(windows, colours).open_wall()
        assert (window.page.evaluate(BRIGHTNESS) < 128) == (colours == 'dark')
        for state in STATES:
            window.page.evaluate(WALL, state)
            window.wait_until(ARRIVED)
            if state == 'reconnecting':
                picture(window, f'wall-{colours}')
            assert window.page.evaluate(FAINT, '.lpd_wall') == [], (colours, state)


def test_the_bar_and_the_faces_of_a_live_form_can_be_read(windows, site, partners):   # noqa: F811
    if site.host == 'openerp-7.0':
        return      # it draws the same bar, in the light colours
    [one] = partners(1)
    form(windows('bob'), site, one)
    for colours in COLOURS[site.host]:
        window = form(coloured(windows, colours), site, one)
        window.page.locator('.o_live_people').wait_for()
        window.page.locator('.o_field_widget[name=city] input').fill('Here')
        site.admin.rpc('res.partner', 'write', [[one], {'city': f'There, {colours}'}])
        bar = window.page.locator('.o_live_bar')
        bar.get_by_role('button', name='Show').click()
        bar.locator('tbody tr').first.wait_for()
        picture(window, f'live-bar-{colours}')
        for drawn in ('.o_live_bar', '.o_live_people'):
            assert window.page.evaluate(FAINT, drawn) == [], colours


def test_with_the_users_own_colours_and_without_motion_nothing_is_said_by_colour_or_movement_alone(windows):
    """`forced-colors` and `prefers-reduced-motion`."""
    window = windows('ann').open_wall()
    window.page.emulate_media(forced_colors='active', reduced_motion='reduce')
    window.page.evaluate(WALL, 'reconnecting')
    picture(window, 'wall-forced-colours')
    styles = window.page.evaluate("""() => ["post", "note"].map((name) => document.querySelector(".lpd_" + name))
        .map(getComputedStyle).map((style) => [style.borderTopStyle, style.animationName])""")
    assert styles[0][0] == 'solid'
    assert styles[1][1] == 'none'
