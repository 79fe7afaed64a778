"""What a tool lets an instance do, by its name, or by its kind where a provider runs it.

The policy's own rows come first, by the name as it stands. Then the rows below, by the name in small
letters with ``_`` between its words, and without the MCP server that it is said to come from. A tool
that no row names has no affordance: no limit and no rule on affordances speaks of it (docs/policy.md).
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

AFFORDANCES: Final = ("compute", "network", "write_shared", "spawn", "money", "read")

_COMPUTE: Final = ("compute",)
_NETWORK: Final = ("network",)
_READ: Final = ("read",)
_SHARED: Final = ("write_shared",)
_SPAWN: Final = ("spawn",)
_PAYS: Final = ("money", "write_shared")
_SENDS: Final = ("network", "write_shared")
_SHELL: Final = ("compute", "network", "write_shared")
_NONE: Final = ()

_DEFAULTS: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    # A whole machine.
    (_SHELL, "bash* *shell* exec_command* execute_command* execute_bash* run_command* run_terminal* "
             "terminal* ssh* kubectl* docker* terraform* computer* kill_bash"),
    # A sandbox of the provider's, cut off from the network and from other runs.
    (_COMPUTE, "*code_execution* code_interpreter* programmatic_tool_calling image_generation*"),
    (("compute", "spawn"), "run_*agent*"),
    (_SPAWN, "spawn* create_agent* *subagent* delegate* task agent start_agent* new_agent* "
             "launch_agent* advisor*"),
    (_PAYS, "create_*payment* send_*payment* make_*payment* submit_*payment* pay* purchase* transfer_funds* buy_* "
            "checkout* place_order* refund* wire_transfer* charge_card*"),
    (_SENDS, "send_email* send_mail* gmail_send* send_sms* post_tweet* publish_* slack_* webhook* "
             "http_post* http_put* upload* browser* mcp mcp_toolset mcp_server"),
    (_NONE, "update_plan todo_write todo_read"),
    (_COMPUTE, "python* run_* execute_* exec* eval"),
    (_SHARED, "write write_* save_* edit edit_* multi_edit notebook_edit create_* str_replace* "
              "text_editor* apply_patch* memory* remember* git_* send_* post_* update_* delete_* "
              "remove_* append_* insert_* put_* move_* rename_* commit* push_* store_* add_memor* "
              "replace_*"),
    (_NETWORK, "web_* google_search* google_maps url_context fetch* browse* http_* visit_* crawl* "
               "scrape* download* open_url* navigate* goto* curl* wget* request_url* tavily* exa_* "
               "brave_* retrieval"),
    (_READ, "read read_* search search_* list_* get_* recall* file_search* tool_search* glob grep ls "
            "view_* query_* find_* lookup_* notebook_read"),
)  # fmt: skip
_MCP: Final = re.compile(r"mcp__.{1,128}?__(.+)", re.DOTALL)
_SERVER: Final = re.compile(r"[\w-]{1,64}[./:](?=[\w-]+$)")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NAME_CHARS_MAX: Final = 256


def plain_name(tool: str) -> str:
    """A tool's name as the rows have it, without its MCP server.

    >>> plain_name("mcp__files__writeFile"), plain_name("github.create-issue"), plain_name("WebFetch")
    ('write_file', 'create_issue', 'web_fetch')
    """
    name = tool[:_NAME_CHARS_MAX]
    found = _MCP.fullmatch(name)
    name = found[1] if found is not None else _SERVER.sub("", name)
    return re.sub(r"[\s.:/-]+", "_", _HUMP.sub("_", name)).lower()


def affordances_for(
    named: Mapping[str, Iterable[str]], tool: str, kind: str | None = None
) -> tuple[str, ...]:
    """The affordances of ``tool``: the policy's own rows first, then the defaults; sorted.

    Args:
        named: The policy's rows: a name or pattern, and what it lets an instance do.
        kind: What a definition says that the tool is (``web_search``), where no name says it.
    """
    for glob, found in named.items():
        if fnmatchcase(tool, glob):
            return tuple(sorted(found))
    default = _default(plain_name(tool))
    if default is None and kind is not None:
        default = _default(plain_name(kind))
    return default or ()


@lru_cache(maxsize=2_048)
def _default(name: str) -> tuple[str, ...] | None:
    for affordances, globs in _DEFAULTS:
        if any(fnmatchcase(name, glob) for glob in globs.split()):
            return tuple(sorted(affordances))
    return None
