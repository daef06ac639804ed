// node --import tsx web/e2e/pictures.ts URL FOLDER: the pictures of the README, from a database without users. Emoji need a font that has them,
// such as Debian's fonts-noto-color-emoji.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { smaller } from "./png.js";
import { type Person, startBrowser, Tab } from "./tab.js";

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 375, height: 760 };
const person = (username: string, displayName: string): Person => ({ username, displayName, password: `the password of ${username}` });
const ALICE = person("alice", "Alice Moreau");
const BOB = person("bob", "Bob Okafor");
const CAROL = person("carol", "Carol Lindqvist");

async function main(url: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const browser = await startBrowser();
  try {
    const context = await browser.newContext({ viewport: WIDE, reducedMotion: "reduce" });
    const welcome = await Tab.open(context, url);
    await picture(welcome.page, folder, "sign-in", "light", WIDE);
    await welcome.page.close();
    const [alice, bob, carol] = [await Tab.open(context, url), await Tab.open(context, url), await Tab.open(context, url)];
    await alice.register(ALICE);
    await bob.register(BOB);
    await carol.register(CAROL);
    await converse(alice, bob, carol);
    await picture(alice.page, folder, "conversation", "light", WIDE);
    await picture(bob.page, folder, "conversation-dark", "dark", WIDE);
    await picture(alice.page, folder, "phone", "light", NARROW);
    await alice.openMembers();
    await picture(alice.page, folder, "phone-members", "dark", NARROW);
    await alice.closeDialog();
    await alice.press("Back to the list");
    await picture(alice.page, folder, "phone-list", "light", NARROW);
  } finally {
    await browser.close();
  }
}

/** A group that one has left, and a direct conversation with something unread. */
async function converse(alice: Tab, bob: Tab, carol: Tab): Promise<void> {
  await alice.beginDirect("carol");
  await alice.send("Are you coming to the harbour on Sunday?");
  await alice.beginDirect("bob");
  await alice.send("Did the migration go through?");
  await bob.openConversation(ALICE.displayName);
  await bob.send("It did, all 24 months of partitions. Nobody noticed a thing.");
  await alice.sees("Nobody noticed");
  await alice.beginGroup("Sailing club", ["bob", "carol"]);
  await alice.send("The boat is booked for Sunday, nine o'clock at the old pier.");
  await carol.openConversation("Sailing club");
  await carol.send("I'll bring coffee. And rope, after last time");
  await bob.openConversation("Sailing club");
  await bob.sees("after last time");
  await bob.act("after last time", "Reply");
  await bob.send("Rope first, coffee second.");
  await alice.sees("coffee second");
  await alice.act("coffee second", "Laughing");
  await carol.act("coffee second", "Laughing");
  await bob.act("old pier", "Thumbs up");
  await alice.edit("old pier", "The boat is booked for Sunday, ten o'clock at the old pier.");
  await carol.send("Ten is perfect. See you both there!");
  await alice.act("See you both", "Party");
  await alice.send("Weather looks good: south-west, three to four.");
  await carol.openConversation(ALICE.displayName);
  await carol.send("Yes! Saved you the seat at the back.");
  await bob.sees("south-west");
  await bob.send("I'll check the life jackets on Saturday.");
  await alice.sees("life jackets");
  await bob.box.pressSequentially("An");
  await alice.page.locator(".thread .who", { hasText: "typing" }).waitFor();
}

/** As it stays: without a cursor that blinks and before the pointer is over anything. */
async function picture(page: Page, folder: string, name: string, colorScheme: "light" | "dark", size: typeof WIDE): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize(size);
  await page.bringToFront();
  await page.mouse.move(0, 0);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await writeFile(join(folder, `${name}.png`), smaller(await page.screenshot({ caret: "hide", animations: "disabled" })));
}

await main(process.argv[2] ?? "http://127.0.0.1:8080", process.argv[3] ?? "images");
