"""Settings and limits of the agent room; section `[agent]` of nova.toml."""

import dataclasses

from novacore import kit

KIB = 1024
MIB = 1024 * KIB


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """How far the agent goes, what its tools may do, and how much each may give."""

    steps_max: int = kit.setting(
        100,
        unit="steps",
        minimum=1,
        maximum=1_000_000,
        doc="Model calls in one turn; then the turn ends and can be continued.",
    )
    system_prompt: str = kit.setting(
        "",
        doc="Who the agent is, in place of the built-in first paragraph. Empty: the built-in one.",
    )
    rules_files: tuple[str, ...] = kit.setting(
        ("AGENTS.md", "NOVA.md"),
        doc="Files in the workspace whose text the agent must follow; read again when they change.",
    )
    rules_bytes_max: int = kit.setting(
        32 * KIB,
        unit="bytes",
        minimum=0,
        maximum=1 * MIB,
        doc="Most that all rules files together add to the system prompt.",
    )
    notes_bytes_max: int = kit.setting(
        4 * KIB,
        unit="bytes",
        minimum=0,
        maximum=256 * KIB,
        doc="Most that this workspace's newest notes add to the system prompt. 0: none.",
    )
    note_bytes_max: int = kit.setting(
        4 * KIB, unit="bytes", minimum=64, maximum=256 * KIB, doc="Longest single note."
    )
    context_tokens_max: int = kit.setting(
        195_000,
        unit="tokens",
        minimum=256,
        maximum=10_000_000,
        doc="Messages up to this size are sent whole, where the model's window allows; beyond it "
        "a view leaves out the oldest.",
    )
    output_reserve_tokens: int = kit.setting(
        1_024,
        unit="tokens",
        minimum=16,
        maximum=1_000_000,
        doc="Kept free in the model's window for the answer; at most a quarter of the window.",
    )
    view_policy: str = kit.setting(
        "drop",
        choices=("drop", "summarise"),
        doc="What takes the place of left-out messages: a note alone, or a summary by the model.",
    )
    view_keep_percent: int = kit.setting(
        70,
        unit="percent",
        minimum=10,
        maximum=100,
        doc="How much of the limit a fresh view fills, so that it lasts for many steps.",
    )
    view_quote_chars_max: int = kit.setting(
        600,
        unit="characters",
        minimum=0,
        maximum=100_000,
        doc="How much of the first user message a view quotes.",
    )
    summary_tokens_max: int = kit.setting(
        1_000,
        unit="tokens",
        minimum=64,
        maximum=100_000,
        doc="Longest summary of one part of the left-out messages.",
    )
    summary_calls_max: int = kit.setting(
        4,
        unit="calls",
        minimum=1,
        maximum=100,
        doc="Model calls that one summary may take; the oldest messages beyond them are dropped.",
    )
    tools_parallel_max: int = kit.setting(
        8, unit="calls", minimum=1, maximum=256, doc="Tool calls that run at the same time."
    )
    tool_output_bytes_max: int = kit.setting(
        30_000,
        unit="bytes",
        minimum=512,
        maximum=512 * KIB,
        doc="Most that one tool call gives the model; head and tail are shown, the whole is kept.",
    )
    tool_output_kept_bytes_max: int = kit.setting(
        32 * MIB,
        unit="bytes",
        minimum=64 * KIB,
        maximum=256 * MIB,
        doc="Most of one command's output that is kept for paging; the middle of more is lost.",
    )
    bash_timeout_ms: int = kit.setting(
        120_000,
        unit="ms",
        minimum=100,
        maximum=86_400_000,
        doc="How long a command may run where the model names no time.",
    )
    bash_timeout_ms_max: int = kit.setting(
        600_000,
        unit="ms",
        minimum=100,
        maximum=86_400_000,
        doc="The longest time that the model may name for a command.",
    )
    bash_grace_ms: int = kit.setting(
        5_000,
        unit="ms",
        minimum=0,
        maximum=600_000,
        doc="How long a command that was told to end may take before it is killed.",
    )
    cancel_grace_ms: int = kit.setting(
        300,
        unit="ms",
        minimum=0,
        maximum=60_000,
        doc="The same when the user cancels, or NovaCore ends.",
    )
    bash_hidden_variables: tuple[str, ...] = kit.setting(
        ("ANTHROPIC_API_KEY", "MINIMAX_API_KEY", "NOVA_LLM_API_KEY", "OPENAI_API_KEY"),
        doc="Environment variables that commands don't get to see.",
    )
    jobs_max: int = kit.setting(
        16, unit="jobs", minimum=1, maximum=1_000, doc="Background commands alive at the same time."
    )
    read_bytes_max: int = kit.setting(
        60_000,
        unit="bytes",
        minimum=1_000,
        maximum=512 * KIB,
        doc="Most of a file that one read_file gives.",
    )
    read_line_chars_max: int = kit.setting(
        2_000,
        unit="characters",
        minimum=80,
        maximum=1_000_000,
        doc="Longer lines are cut in what read_file and search_files show.",
    )
    write_bytes_max: int = kit.setting(
        16 * MIB,
        unit="bytes",
        minimum=1 * KIB,
        maximum=1024 * MIB,
        doc="Largest file that write_file and edit_file write.",
    )
    list_entries_max: int = kit.setting(
        1_000,
        unit="entries",
        minimum=1,
        maximum=100_000,
        doc="Most paths that one list_files shows.",
    )
    search_matches_max: int = kit.setting(
        200,
        unit="lines",
        minimum=1,
        maximum=100_000,
        doc="Most matching lines that one search_files shows.",
    )
    search_file_matches_max: int = kit.setting(
        20, unit="lines", minimum=1, maximum=100_000, doc="Most of them from one file."
    )
    search_file_bytes_max: int = kit.setting(
        8 * MIB,
        unit="bytes",
        minimum=1 * KIB,
        maximum=1024 * MIB,
        doc="Larger files are not searched; the result names how many.",
    )
    search_timeout_ms: int = kit.setting(
        20_000,
        unit="ms",
        minimum=100,
        maximum=600_000,
        doc="How long one list_files, search_files or filter may take.",
    )
    skipped_folders: tuple[str, ...] = kit.setting(
        (".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"),
        doc="Folders that list_files and search_files pass by unless they are named.",
    )
    workspace_confined: bool = kit.setting(
        True, doc="Whether file tools are kept inside the workspace, symbolic links followed."
    )
    permissions_default: str = kit.setting(
        "ask",
        choices=("allow", "ask", "deny"),
        doc="What holds for a tool that changes something, where no rule speaks of it.",
    )
    permissions_allow: tuple[str, ...] = kit.setting(
        (), doc='Calls that need no question: "tool" or "tool(pattern)", as "bash(git status *)".'
    )
    permissions_ask: tuple[str, ...] = kit.setting(
        (), doc="Calls that need a question, even where they are allowed otherwise."
    )
    permissions_deny: tuple[str, ...] = kit.setting(
        (), doc="Calls that are refused, whatever else allows them."
    )

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            kit.SettingInvalid: names the field, its value, and what was expected.
        """
        kit.check(self)
        if self.bash_timeout_ms > self.bash_timeout_ms_max:
            raise kit.SettingInvalid(
                f"bash_timeout_ms is {self.bash_timeout_ms}; expected at most "
                f"bash_timeout_ms_max, which is {self.bash_timeout_ms_max}.",
                name="bash_timeout_ms",
            )
