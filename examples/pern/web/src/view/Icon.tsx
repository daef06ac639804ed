// Icons, drawn on a grid of 24. They repeat what a label says, so they are hidden from screen readers.
const PATHS = {
  logo: "M5 8.5A3.5 3.5 0 0 1 8.5 5h7A3.5 3.5 0 0 1 19 8.5v4a3.5 3.5 0 0 1-3.5 3.5H12l-4 3.4V16a3.5 3.5 0 0 1-3-3.5z",
  lock: "M7 11h10a1.5 1.5 0 0 1 1.5 1.5v5A1.5 1.5 0 0 1 17 19H7a1.5 1.5 0 0 1-1.5-1.5v-5A1.5 1.5 0 0 1 7 11zM8.5 11V8.5a3.5 3.5 0 0 1 7 0V11",
  key: "M8.5 19a4.5 4.5 0 1 1 3.9-6.7H20v3h-2v2.4h-3v-2.4h-2.6A4.5 4.5 0 0 1 8.5 19zM8.2 14.5h.1",
  people: "M9 11.5a3.2 3.2 0 1 0 0-6.5 3.2 3.2 0 0 0 0 6.5zM3 19c.4-3.2 2.8-5 6-5s5.6 1.8 6 5M15.5 5.3a3.2 3.2 0 0 1 0 6M17.5 14.3c2 .6 3.2 2.2 3.5 4.7",
  devices: "M4 6.5A1.5 1.5 0 0 1 5.5 5h11A1.5 1.5 0 0 1 18 6.5V8M4 6.5V15h9M2.5 18.5H13M15 11h5a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-5a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z",
  compose: "M12 5v14M5 12h14",
  leave: "M14 4.5H6.5A1.5 1.5 0 0 0 5 6v12a1.5 1.5 0 0 0 1.5 1.5H14M10.5 12H20M16.5 8.5 20 12l-3.5 3.5",
  back: "M14.5 5.5 8 12l6.5 6.5",
  close: "M6 6l12 12M18 6 6 18",
  send: "M12 19V5.5M6 11l6-6 6 6",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  reply: "M9.5 6 4 11.5 9.5 17M4.5 11.5H14a6 6 0 0 1 6 6V19",
  edit: "M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM13.5 7.5l3 3",
  remove: "M5 7h14M10 4.5h4M7 7l.8 12h8.4L17 7M10.5 10.5v5M13.5 10.5v5",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4.5l3 1.5",
  sent: "M6 12.5l4 4 8-9",
  delivered: "M2.5 12.5l4 4 8-9M11.5 15.5l1 1 8-9",
  alert: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      className={`icon ${name}`} viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor"
      strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
