"""What everybody touches, and what is unlikely to be touched by two by chance.

Lists by name, and a rule for words. They keep meetings readable and nothing more: how many rooms
know a thing is counted besides, and a deployment has its own list (``convergence: {common: …}``).
"""

import re
from typing import Final

RARE_CHARS_MAX: Final = 512


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON_HOSTS: Final = _words(
    """
    localhost 127.0.0.1 0.0.0.0 [::1] host.docker.internal
    google.com bing.com duckduckgo.com wikipedia.org wikimedia.org github.com githubusercontent.com
    gitlab.com bitbucket.org stackoverflow.com stackexchange.com pypi.org pythonhosted.org python.org
    readthedocs.io npmjs.org npmjs.com yarnpkg.com nodejs.org crates.io docs.rs rust-lang.org
    golang.org go.dev rubygems.org maven.org apache.org debian.org ubuntu.com archlinux.org
    alpinelinux.org docker.com docker.io ghcr.io quay.io kubernetes.io huggingface.co openai.com
    anthropic.com googleapis.com microsoft.com mozilla.org w3.org w3schools.com medium.com
    reddit.com youtube.com twitter.com x.com linkedin.com facebook.com arxiv.org doi.org nature.com
    sciencedirect.com nytimes.com bbc.com bbc.co.uk reuters.com cnn.com amazon.com apple.com
    cloudflare.com json-schema.org schema.org iana.org ietf.org rfc-editor.org unicode.org
    """
)
"""Hosts that everybody asks, with those below them. What is rare there has a path or a query."""
EXAMPLE_HOSTS: Final = frozenset({"example.com", "example.org", "example.net"})
"""Everybody's, by RFC 2606; a name below one, or a path at it, is its writer's own."""
_SHARED_BELOW: Final = frozenset({"googleapis.com", "readthedocs.io"})
"""Where a name below belongs to whoever took it: the host itself is common, those below are not."""
COMMON_FILES: Final = _words(
    """
    readme readme.md readme.txt readme.rst license license.md license.txt changelog.md contributing.md
    package.json package-lock.json pnpm-lock.yaml yarn.lock tsconfig.json vite.config.ts
    webpack.config.js index.js index.ts index.tsx index.html app.js app.ts app.tsx app.py main.py
    main.go main.rs main.c main.cpp lib.rs mod.rs __init__.py __main__.py setup.py setup.cfg
    pyproject.toml requirements.txt requirements-dev.txt poetry.lock uv.lock conftest.py cargo.toml
    cargo.lock go.mod go.sum gemfile makefile dockerfile docker-compose.yml docker-compose.yaml
    compose.yaml .env .gitignore .dockerignore .editorconfig .pre-commit-config.yaml config.yaml
    config.yml config.json settings.json settings.py manage.py claude.md agents.md skill.md memory.md
    notes.md notes.txt todo.md test.py tests.py utils.py helpers.py styles.css style.css
    output.txt output.json result.json results.json data.json data.csv input.txt
    """
)
SYSTEM_ROOTS: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/run", "/boot",
    "/opt/homebrew", "/System", "/Library",
)  # fmt: skip
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]*)?|[\d.,:/+-]+")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{4,12}/[a-z0-9.+-]+(?:;.*)?")
COMMON_PACKAGES: Final = _words(
    """
    pip setuptools wheel uv poetry build twine virtualenv requests urllib3 httpx aiohttp certifi idna
    numpy pandas scipy matplotlib seaborn plotly pillow scikit-learn torch torchvision tensorflow keras
    transformers datasets tokenizers accelerate huggingface-hub openai anthropic google-genai langchain
    langgraph llama-index tiktoken pydantic fastapi flask django starlette uvicorn gunicorn jinja2 click
    typer rich tqdm pyyaml toml tomli python-dotenv pytest pytest-cov pytest-asyncio coverage tox nox
    ruff black isort flake8 pylint mypy pre-commit hypothesis sqlalchemy alembic psycopg psycopg2
    psycopg2-binary redis celery boto3 botocore beautifulsoup4 lxml selenium playwright scrapy jupyter
    notebook ipython ipykernel networkx sympy cryptography paramiko attrs packaging six python-dateutil
    pytz protobuf grpcio opencv-python openpyxl xlrd polars duckdb pyarrow tabulate jsonschema
    react react-dom next vue svelte angular typescript ts-node eslint prettier webpack vite rollup
    esbuild babel jest mocha chai vitest lodash axios express koa fastify cors dotenv nodemon chalk
    commander yargs uuid moment dayjs date-fns zod rxjs tailwindcss postcss autoprefixer sass ws
    socket.io mongoose pg mysql2 sqlite3 knex prisma sequelize winston debug glob rimraf concurrently
    husky lint-staged npm yarn pnpm @types/node @types/react @types/react-dom @types/jest tsx
    serde serde_json tokio anyhow thiserror clap rand regex log env_logger reqwest hyper axum rayon
    itertools chrono tracing futures once_cell lazy_static
    git curl wget vim nano jq make gcc g++ build-essential cmake python3 python3-pip python3-venv
    python3-dev nodejs openssl libssl-dev ca-certificates unzip zip tar tree htop ffmpeg imagemagick
    sqlite postgresql nginx alpine ubuntu debian python node golang rust busybox mysql postgres mongo
    rails rake bundler rspec rubocop
    """
)
"""Names that everybody installs: to meet in one of them is to meet nobody."""


def is_rare(word: str) -> bool:
    """Whether a word is unlikely to be anybody's own choice twice: no sentence, number or date."""
    size = len(word)
    if size < 8 or size > RARE_CHARS_MAX or any(c.isspace() for c in word):
        return False
    if _DATE.fullmatch(word) or _MEDIA_TYPE.fullmatch(word.lower()):
        return False
    digits = any(c.isdigit() for c in word)
    letters = any(c.isalpha() for c in word)
    if digits and letters:
        return True
    if size < 12:
        return False
    return size >= 20 or any(c in "-_.~" for c in word[1:-1])


def is_common_host(host: str) -> bool:
    """Whether everybody asks it; ``host`` has no port."""
    if host in COMMON_HOSTS or host.startswith("127."):
        return True
    while "." in host:
        host = host.partition(".")[2]
        if host in COMMON_HOSTS:
            return host not in _SHARED_BELOW
    return False


def is_common_package(package: str) -> bool:
    """Whether everybody installs it; ``package`` is ``registry:name``."""
    return package.partition(":")[2] in COMMON_PACKAGES
