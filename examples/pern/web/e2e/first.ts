// node --import tsx web/e2e/first.ts URL OTHER_URL: what a newcomer does first. Two people register in two tabs, each at an API process of its
// own, and one writes to the other.
import { startBrowser, Tab } from "./tab.js";

const [url, other] = process.argv.slice(2) as [string, string];
const person = (displayName: string) => ({ username: displayName.toLowerCase(), displayName, password: `the password of ${displayName}` });

const browser = await startBrowser();
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const [alice, bob] = [await Tab.open(context, url), await Tab.open(context, other)];
  await alice.register(person("Alice"));
  await bob.register(person("Bob"));
  await alice.beginDirect("bob");
  await alice.send("The first message");
  await bob.openConversation("Alice");
  await bob.sees("The first message");
  console.log("read");
} finally {
  await browser.close();
}
