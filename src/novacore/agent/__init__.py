"""The agent: model and tools in a loop, every word of it in the journal.

It knows no provider, no terminal and no database. Start with `Agent`, then `Toolbox` for what it
can do and `Permissions` for what it may do.
"""

from novacore.agent.agent import VIEW_MODES, Agent
from novacore.agent.config import Config
from novacore.agent.errors import (
    AgentClosed,
    AgentError,
    ContextTooLarge,
    GateRefused,
    MessageRefused,
    OutsideWorkspace,
    RuleInvalid,
    ToolUnusable,
    TurnRunning,
)
from novacore.agent.events import (
    AgentEvent,
    FinishReason,
    MessageRecorded,
    Notice,
    Repaired,
    Retrying,
    StepStarted,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UsageNoted,
    ViewMade,
)
from novacore.agent.gate import FreeMeter, Gate, Hold, MadeCall, Meter, OpenGate, Verdict
from novacore.agent.history import Session, Transcript
from novacore.agent.notebook import NOTEBOOK_NAME, JournalNoteBook, Note, NoteBook
from novacore.agent.permissions import (
    Answer,
    Ask,
    Decision,
    Permissions,
    Question,
    Rule,
    parse_rule,
    permissions_from,
)
from novacore.agent.prompt import PromptMaker
from novacore.agent.reviewed import refusal_entry
from novacore.agent.stats import Stats, stats_of
from novacore.agent.tool import Access, FunctionTool, Subject, Tool, ToolOutcome
from novacore.agent.toolbox import Toolbox, arguments_schema
from novacore.agent.tools import standard_tools
from novacore.agent.tools.history import Recalled, Recaller
from novacore.agent.view import View

__all__ = [
    "NOTEBOOK_NAME",
    "VIEW_MODES",
    "Access",
    "Agent",
    "AgentClosed",
    "AgentError",
    "AgentEvent",
    "Answer",
    "Ask",
    "Config",
    "ContextTooLarge",
    "Decision",
    "FinishReason",
    "FreeMeter",
    "FunctionTool",
    "Gate",
    "GateRefused",
    "Hold",
    "JournalNoteBook",
    "MadeCall",
    "MessageRecorded",
    "MessageRefused",
    "Meter",
    "Note",
    "NoteBook",
    "Notice",
    "OpenGate",
    "OutsideWorkspace",
    "Permissions",
    "PromptMaker",
    "Question",
    "Recalled",
    "Recaller",
    "Repaired",
    "Retrying",
    "Rule",
    "RuleInvalid",
    "Session",
    "Stats",
    "StepStarted",
    "Subject",
    "TextDelta",
    "ThinkingDelta",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolFinished",
    "ToolOutcome",
    "ToolStarted",
    "ToolUnusable",
    "Toolbox",
    "Transcript",
    "TurnFinished",
    "TurnRunning",
    "TurnStarted",
    "UsageNoted",
    "Verdict",
    "View",
    "ViewMade",
    "arguments_schema",
    "parse_rule",
    "permissions_from",
    "refusal_entry",
    "standard_tools",
    "stats_of",
]
