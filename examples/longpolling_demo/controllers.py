# -*- coding: utf-8 -*-
"""What the sidecar answers about the wall."""
import time

from openerp.addons.web_longpolling.longpolling import longpolling

# Seconds between two looks at the database.
PAUSE = 0.2


@longpolling.route('/wall/<int:last>')
def wall(request, last, **kwargs):
    """Answer with the notes after the note `last`, as soon as there are some."""
    while True:
        with request.snapshot() as snapshot:
            notes = snapshot.model('longpolling.demo.note')
            ids = notes.search([('id', '>', last)], limit=100)
            if ids:
                fields = ['text', 'create_uid', 'create_date']
                return answer(sorted(notes.read(ids, fields), key=lambda note: note['id']))
        time.sleep(PAUSE)


def answer(notes):
    return {'last': notes[-1]['id'], 'events': [{
        'position': note['id'],
        'channel': 'wall',
        'payload': {'id': note['id'], 'text': note['text'], 'author': note['create_uid'][1],
                    'date': note['create_date']},
    } for note in notes]}
