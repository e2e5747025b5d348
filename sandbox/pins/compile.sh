#!/bin/sh
# Write each NAME.txt from its NAME.in: exact versions with the hashes of all their files (needs uv on PATH).
set -e
cd "$(dirname "$0")"
compile() {
    uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
        --no-python-downloads --custom-compile-command sandbox/pins/compile.sh "$@"
}
compile --universal --python-version 3.10 bootstrap.in -o bootstrap.txt
compile --universal --python-version 3.10 odoo-19.0.in -o odoo-19.0.txt
compile --universal --python-version 3.10 tools.in -o tools.txt
compile --no-deps --python-version 3.10 servers.in -o servers.txt
# uv knows no Python 2.7: 3.8 takes the same files, because nothing is resolved with --no-deps.
compile --no-deps --python-version 3.8 openerp-7.0.in -o openerp-7.0.txt
# uv can't read the archive of PyPDF2 1.26.0, which pip can.
compile --no-deps --python-version 3.9 odoo-14.0.in -o odoo-14.0.txt
