// node --import tsx web/e2e/journey.ts URL: three people use the page in tabs of one browser. Prints, as JSON, what must be found nowhere on the
// server: each text, each password, and what is derived from it. Fails where the page does not show what it should.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Answer } from "../src/net/http.js";
import { deriveSecrets, type Identity, identityOf, openRing, readMessage, ready, toBase64 } from "../src/crypto/index.js";
import { cutConnection } from "./connection.js";
import { isLegible, movedBy } from "./legible.js";
import { type Person, startBrowser, Tab } from "./tab.js";

type Detail = Answer<"GET /conversations/:id">;
type Page = Answer<"GET /conversations/:id/messages?before=&limit=">;

const mark = randomBytes(4).toString("hex");
const texts: string[] = [];
/** A text that occurs nowhere else, and is long enough to be searched for in any form. */
const text = (words: string): string => {
  const made = `${words} ${mark}-${texts.length} naïve 漢字`;
  texts.push(made);
  return made;
};
const person = (displayName: string): Person => ({
  username: `${displayName.toLowerCase()}.${mark}`, displayName: `${displayName} ${mark}`, password: `pass ${displayName} ${randomBytes(9).toString("hex")}`,
});

async function main(url: string): Promise<void> {
  await ready;
  const people = { alice: person("Alice"), bob: person("Bob"), carol: person("Carol") };
  const browser = await startBrowser();
  try {
    // One context: what is kept for a tab must not reach another tab of the same browser.
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const [alice, bob, carol] = [await Tab.open(context, url), await Tab.open(context, url), await Tab.open(context, url)];
    assert.equal(await movedBy(alice.page), 0, "nothing moves while the page loads");
    await isLegible(alice.page);
    await alice.register(people.alice);
    await bob.register(people.bob);
    await carol.register(people.carol);
    await talk(alice, bob, people);
    await loseAnswer(bob, alice, people.alice.displayName);
    await leave(alice, bob, carol, people.carol);
    await revoke(await Tab.open(context, url), alice, people.alice);
    assert.deepEqual([...alice.complaints, ...bob.complaints, ...carol.complaints], [], "the console of the page");
  } finally {
    await browser.close();
  }
  const secrets = Object.values(people).flatMap(({ username, password }) => {
    const { password: sent, seed } = deriveSecrets(username, password);
    return [password, sent, toBase64(seed)];
  });
  console.log(JSON.stringify({ texts, secrets }));
}

/** Messages both ways, an answer, an edit, a reaction, a deletion, who is here, who types, who has read. */
async function talk(alice: Tab, bob: Tab, people: { alice: Person; bob: Person }): Promise<void> {
  const [hello, answer, edited, deleted] = [text("the heron stands"), text("in the reeds"), text("the heron sleeps"), text("said too much")];
  await alice.beginDirect(people.bob.username);
  await alice.send(hello);
  await bob.openConversation(people.alice.displayName);
  await bob.sees(hello);
  await alice.page.getByText(`Read by ${people.bob.displayName}`).waitFor();
  await alice.page.locator(".thread .who", { hasText: "Online" }).waitFor();

  await bob.act(hello, "Reply");
  await bob.box.pressSequentially("…");
  await alice.page.locator(".thread .who", { hasText: "typing" }).waitFor();
  await bob.send(answer);
  await (await alice.sees(answer)).locator("blockquote", { hasText: hello }).waitFor();
  await alice.edit(hello, edited);
  await (await bob.sees(edited)).getByText("edited").waitFor();
  await bob.act(edited, "Thumbs up");
  await (await alice.sees(edited)).getByRole("button", { name: `Thumbs up: ${people.bob.displayName}` }).waitFor();

  await bob.send(deleted);
  await alice.sees(deleted);
  await bob.act(deleted, "Delete for everybody");
  await alice.page.getByText("Message deleted").first().waitFor();
  assert.equal(await alice.page.getByText(deleted).count(), 0);
  await isLegible(alice.page);
  await alice.openMembers();
  await isLegible(alice.page);
  await alice.closeDialog();
  await alice.page.reload();
  await alice.openConversation(people.bob.displayName);
  await alice.sees(edited);
}

/** An answer that never arrives, then no connection at all: what was sent arrives, and once. */
async function loseAnswer(from: Tab, to: Tab, title: string): Promise<void> {
  const [lost, offline] = [text("the answer is lost"), text("while offline")];
  const connection = await cutConnection(from.page);
  await from.openConversation(title);
  connection.dropAnswers();
  await from.send(lost);
  await to.sees(lost);
  connection.cut();
  await from.page.getByText("No connection").waitFor();
  await from.send(offline);
  await from.page.locator("[data-pending]", { hasText: offline }).waitFor();
  connection.restore();
  await from.sees(offline);
  await to.sees(offline);
  for (const each of [lost, offline]) assert.equal(await to.page.locator("[data-id] .text", { hasText: each }).count(), 1);
  assert.equal(await from.page.locator("[data-pending]").count(), 0);
}

/** A group of three; one leaves, and cannot read what follows with anything they ever had. */
async function leave(alice: Tab, bob: Tab, carol: Tab, { username, password }: Person): Promise<void> {
  const [before, after] = [text("all three of us"), text("the two who stayed")];
  await alice.beginGroup(`Lunch ${mark}`, [`bob.${mark}`, username]);
  await alice.send(before);
  await bob.openConversation(`Lunch ${mark}`);
  await carol.openConversation(`Lunch ${mark}`);
  const first = await carol.sees(before);
  assert.equal(await first.getAttribute("data-key"), "1");
  const listed = (await carol.api("/conversations")).body as Answer<"GET /conversations">;
  const id = listed.conversations.find(({ title }) => title === `Lunch ${mark}`)?.id;
  const had = (await carol.api(`/conversations/${id}`)).body as Detail;

  await carol.openMembers();
  await carol.press("Leave this group");
  await alice.page.locator(".encryption", { hasText: "Key 2" }).waitFor();
  await bob.send(after);
  assert.equal(await (await alice.sees(after)).getAttribute("data-key"), "2");
  await carol.page.getByRole("navigation").getByText(`Lunch ${mark}`).waitFor({ state: "detached" });

  const { messages } = (await bob.api(`/conversations/${id}/messages`)).body as Page;
  const [newest, oldest] = messages as [Page["messages"][0], Page["messages"][0]];
  const ring = openRing(had.conversation.wrappedKeys ?? "", identityOf(deriveSecrets(username, password).seed));
  assert.equal(readMessage(oldest, ring).text, before, "what carol had reads what she could read");
  assert.match(readMessage(newest, ring).failure ?? "", /no key 2/);
  assert.match(readMessage({ ...newest, keyVersion: 1 }, ring).failure ?? "", /cannot be decrypted/);
  const refused = await carol.api(`/conversations/${id}/messages`);
  assert(refused.status >= 400 || (refused.body as Page).messages.length === 0, "carol gets no ciphertext either");
  await comeBack(alice, carol, username, String(id), identityOf(deriveSecrets(username, password).seed));
}

/** Who is added gets a new key, reads what follows, and has no key of what was written before. */
async function comeBack(alice: Tab, carol: Tab, username: string, id: string, identity: Identity): Promise<void> {
  const again = text("three again");
  await alice.openMembers();
  await alice.dialog.getByLabel("Add by user name").fill(username);
  await alice.dialog.getByRole("button", { name: "Add", exact: true }).click();
  await alice.page.locator(".encryption", { hasText: "Key 3" }).waitFor();
  await alice.closeDialog();
  await alice.send(again);
  await carol.openConversation(`Lunch ${mark}`);
  await carol.sees(again);
  const { conversation } = (await carol.api(`/conversations/${id}`)).body as Detail;
  assert.deepEqual([...(openRing(conversation.wrappedKeys ?? "", identity)?.keys.keys() ?? [])], [3]);
}

/** A second device is signed out from the first: its page says so, and its tokens are of no use. */
async function revoke(other: Tab, alice: Tab, person: Person): Promise<void> {
  await other.signIn(person);
  const session = await other.page.evaluate(() => sessionStorage.getItem("session") ?? "{}");
  await alice.press("Devices");
  await alice.dialog.getByRole("button", { name: "Sign out" }).click();
  await other.page.getByText("This device was signed out").waitFor();
  await alice.dialog.getByRole("button", { name: "Sign out" }).waitFor({ state: "detached" });
  await alice.closeDialog();
  const kept = await other.page.evaluate(() => JSON.stringify(sessionStorage));
  assert.equal(kept, "{}", "nothing is left in the tab");
  const { refreshToken } = JSON.parse(session) as { refreshToken: string };
  const status = await other.page.evaluate(async (token) => {
    const body = JSON.stringify({ refreshToken: token });
    return (await fetch("/api/refresh", { method: "POST", headers: { "Content-Type": "application/json" }, body })).status;
  }, refreshToken);
  assert.equal(status, 401);
  await alice.send(text("still here"));
  await alice.sees(texts.at(-1) as string);
  // Read once more, so that the caches have it too when they are searched.
  await alice.page.reload();
  await alice.openConversation(`Lunch ${mark}`);
  await alice.sees(texts.at(-1) as string);
}

await main(process.argv[2] ?? "http://127.0.0.1:8080");
