import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Icon, type IconName } from "./Icon.js";
import { labelOf } from "./reactions.js";

interface Props {
  reactions: readonly string[];
  items: readonly { icon: IconName; label: string; run: () => void }[];
  onReact: (reaction: string) => void;
  /** `isBack`: the focus returns to the button that opened the menu. */
  onClose: (isBack: boolean) => void;
}

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** Actions of a message: arrow keys move, Enter chooses, Escape closes. */
export function Menu({ reactions, items, onReact, onClose }: Props) {
  const menu = useRef<HTMLDivElement>(null);
  const [isAbove, setIsAbove] = useState(false);
  const entries = (): HTMLElement[] => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];

  useLayoutEffect(() => {
    const box = menu.current?.getBoundingClientRect();
    const room = menu.current?.closest(".messages")?.getBoundingClientRect();
    if (box && room && box.bottom > room.bottom) setIsAbove(true);
    entries()[0]?.focus();
  }, []);
  useEffect(() => {
    const outside = (event: PointerEvent): void => {
      if (!(event.target as Element).closest(".actions")?.contains(menu.current)) onClose(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [onClose]);

  const move = (event: KeyboardEvent): void => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const step = STEPS[event.key];
    if (step !== undefined) all.at((at + step) % all.length)?.focus();
    else if (event.key === "Home") all[0]?.focus();
    else if (event.key === "End") all.at(-1)?.focus();
    else if (event.key === "Escape") onClose(true);
    else if (event.key === "Tab") onClose(false);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  };
  const choose = (run: () => void) => () => {
    onClose(true);
    run();
  };
  return (
    <div ref={menu} className={`menu${isAbove ? " above" : ""}`} role="menu" aria-label="Actions" onKeyDown={move}>
      {reactions.length > 0 && (
        <div className="quick" role="group" aria-label="React">
          {reactions.map((reaction) => (
            <button
              key={reaction} type="button" role="menuitem" tabIndex={-1}
              aria-label={labelOf(reaction)} title={labelOf(reaction)} onClick={choose(() => onReact(reaction))}
            >
              {reaction}
            </button>
          ))}
        </div>
      )}
      {items.map(({ icon, label, run }) => (
        <button key={label} type="button" role="menuitem" tabIndex={-1} className={icon === "remove" ? "bad" : ""} onClick={choose(run)}>
          <Icon name={icon} />{label}
        </button>
      ))}
    </div>
  );
}
