// A page that anybody can use: everything fits into the window, letters stand out from what is behind them, buttons and fields have names.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

/** What WCAG 2 asks of text. */
const CONTRAST = 4.5;
const WIDTHS = [375, 1280];

interface Report {
  tooFaint: string[];
  beyond: string[];
  nameless: string[];
}

/** Look at the page as it is, on a telephone and a screen, in the light and in the dark. */
export async function isLegible(page: Page): Promise<void> {
  const before = page.viewportSize();
  // tsx names functions by a function of its own, which the page has not got.
  await page.evaluate("globalThis.__name = (made) => made");
  for (const width of WIDTHS) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await page.evaluate(look, CONTRAST), { tooFaint: [], beyond: [], nameless: [] }, `${width} pixels, ${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (before) await page.setViewportSize(before);
}

/** How far things moved by themselves while the page was loaded. */
export async function movedBy(page: Page): Promise<number> {
  return page.evaluate(() => new Promise<number>((done) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value;
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 100);
  }));
}

/** Runs in the page. */
function look(least: number): Report {
  type Colour = [number, number, number, number];
  const parts = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const linear = (value: number): number => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]: Colour): number => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const behind = (element: Element | null): Colour => {
    if (!element) return [255, 255, 255, 1];
    const colour = parts(getComputedStyle(element).backgroundColor);
    if (colour[3] === 1) return colour;
    const under = behind(element.parentElement);
    return [0, 1, 2].map((at) => (colour[at] ?? 0) * colour[3] + (under[at] ?? 0) * (1 - colour[3])).concat(1) as Colour;
  };
  const isShown = (element: Element): boolean => element.checkVisibility({ checkOpacity: true }) && element.getBoundingClientRect().width > 1;
  const described = (element: Element): string => element.outerHTML.slice(0, 160);

  const tooFaint: string[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!element || !texts.currentNode.textContent?.trim() || !isShown(element) || element.closest(":disabled")) continue;
    const [one, other] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least) tooFaint.push(`${ratio.toFixed(2)} ${described(element)}`);
  }
  const shown = [...document.querySelectorAll("body *")].filter(isShown);
  const beyond = shown.filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5).map(described);
  const named = (element: Element): boolean =>
    Boolean(element.getAttribute("aria-label") ?? (element.textContent?.trim() || (element as HTMLInputElement).labels?.length));
  const nameless = shown.filter((element) => element.matches("button, input, textarea, a") && !named(element)).map(described);
  return { tooFaint, beyond, nameless };
}
