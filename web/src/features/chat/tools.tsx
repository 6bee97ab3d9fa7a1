import { useQuery } from "@tanstack/react-query";

import { modelsQuery } from "@/features/chat/models";
import { cx } from "@/ui/classes";
import { ChevronIcon, MemoryIcon } from "@/ui/icons";
import { Menu } from "@/ui/menu";

export interface TurnChoices {
  readonly model: string | null;
  readonly memory: boolean;
}

export interface ComposerToolsProps {
  readonly choices: TurnChoices;
  readonly onChange: (choices: TurnChoices) => void;
}

const TOOL =
  "inline-flex h-9 min-w-0 items-center gap-1.5 rounded-full px-3 text-sm transition-colors hover:bg-hover";

/** Beside the send button: which model answers, and whether it may remember. */
export function ComposerTools({ choices, onChange }: ComposerToolsProps) {
  return (
    <>
      <button
        type="button"
        aria-pressed={choices.memory}
        onClick={() => onChange({ ...choices, memory: !choices.memory })}
        title={
          choices.memory
            ? "Answers use what you said in other conversations"
            : "Answers use this conversation alone"
        }
        className={cx(TOOL, choices.memory ? "text-accent-ink" : "text-ink-faint line-through")}
      >
        <MemoryIcon className="size-4" />
        Memory
      </button>
      <ModelMenu choices={choices} onChange={onChange} />
    </>
  );
}

function ModelMenu({ choices, onChange }: ComposerToolsProps) {
  const models = useQuery(modelsQuery).data;
  if (!models || models.length < 2) {
    return null;
  }
  const chosen =
    models.find((model) => model.id === choices.model) ??
    models.find((model) => model.is_default) ??
    models[0];
  return (
    <Menu
      label="Model"
      isLabelShown
      side="above"
      button={
        <>
          <span className="sr-only">Model: </span>
          <span className="truncate">{chosen?.id}</span>
          <ChevronIcon className="size-3.5" />
        </>
      }
      buttonClassName={cx(TOOL, "max-w-44 text-ink-soft hover:text-ink")}
      items={models.map((model) => ({
        label: model.id,
        isChecked: model.id === chosen?.id,
        onSelect: () => onChange({ ...choices, model: model.id }),
      }))}
    />
  );
}
