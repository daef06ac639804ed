/** Those that the menu offers, with their names for screen readers. */
const NAMES = new Map([["👍", "Thumbs up"], ["❤️", "Heart"], ["😂", "Laughing"], ["🎉", "Party"], ["👀", "Eyes"]]);

export const REACTIONS: readonly string[] = [...NAMES.keys()];

export const labelOf = (reaction: string): string => NAMES.get(reaction) ?? reaction;
