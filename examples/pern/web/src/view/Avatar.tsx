import type { Id } from "../../../shared/protocol.js";

/** How many colours style/controls.css has, each dark enough for white letters. */
const COLOURS = 8;

interface Props {
  id: Id;
  name: string;
  isOnline?: boolean;
  isSmall?: boolean;
}

/** Initials on a colour that is always the same for the same id. The name stands beside it, so it is hidden from screen readers. */
export function Avatar({ id, name, isOnline = false, isSmall = false }: Props) {
  // The last digits of an id are the random ones.
  const colour = Number.parseInt(id.slice(-4), 16) % COLOURS;
  const initials = name.split(/[\s,._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]?.toUpperCase()).join("");
  return (
    <span className={`avatar colour-${colour}${isSmall ? " small" : ""}`} aria-hidden="true">
      {initials}
      {isOnline && <i className="presence" />}
    </span>
  );
}
