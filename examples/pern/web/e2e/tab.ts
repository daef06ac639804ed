// A tab of the page, driven as a person would: by labels, buttons and keys.
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";

const PATIENCE_MS = 60_000;

export interface Person {
  username: string;
  password: string;
  displayName: string;
}

/** Start the Chromium of this machine; `CHROMIUM` names another one. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}

export class Tab {
  /** What the page complained about in its console, beside requests that were refused and connections that were lost. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      const isExpected = /Failed to load resource|WebSocket/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !isExpected) this.complaints.push(message.text());
    });
  }

  static async open(context: BrowserContext, url: string): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  async register(person: Person): Promise<void> {
    await this.press("Create an account");
    await this.page.getByLabel("Display name").fill(person.displayName);
    await this.enter(person, "Create account");
  }

  async signIn(person: Person): Promise<void> {
    await this.enter(person, "Sign in");
  }

  private async enter({ username, password }: Person, button: string): Promise<void> {
    await this.front();
    await this.page.getByLabel("User name").fill(username);
    await this.page.getByLabel("Password").fill(password);
    await this.button(button).click();
    await this.page.getByText("Online", { exact: true }).first().waitFor();
  }

  async beginDirect(username: string): Promise<void> {
    await this.press("New conversation");
    await this.dialog.getByLabel("User name").fill(username);
    await this.dialog.getByRole("button", { name: "Begin" }).click();
    await this.dialog.waitFor({ state: "hidden" });
  }

  async beginGroup(title: string, usernames: readonly string[]): Promise<void> {
    await this.press("New conversation");
    await this.dialog.getByText("Group", { exact: true }).click();
    await this.dialog.getByLabel("Title").fill(title);
    for (const [at, username] of usernames.entries()) {
      await this.dialog.getByLabel("User name").fill(username);
      await this.dialog.getByRole("button", { name: "Add", exact: true }).click();
      await this.dialog.getByRole("list", { name: "Members" }).getByRole("listitem").nth(at).waitFor();
    }
    await this.dialog.getByRole("button", { name: "Create group" }).click();
    await this.dialog.waitFor({ state: "hidden" });
  }

  async openConversation(title: string): Promise<void> {
    await this.front();
    await this.page.locator(".conversation", { has: this.page.locator(".title", { hasText: title }) }).click();
    await this.box.waitFor();
  }

  async send(text: string): Promise<void> {
    await this.front();
    await this.box.fill(text);
    await this.box.press("Enter");
  }

  /** Wait for a message with this text that the server has confirmed. */
  async sees(text: string): Promise<Locator> {
    const message = this.page.locator("[data-id]", { hasText: text });
    await message.first().waitFor();
    return message.first();
  }

  /** Choose an action of a message by its name, with the keyboard. */
  async act(text: string, action: string): Promise<void> {
    await this.front();
    const message = await this.sees(text);
    await message.getByRole("button", { name: "Actions for" }).press("Enter");
    await message.getByRole("menuitem", { name: action }).press("Enter");
  }

  async edit(text: string, edited: string): Promise<void> {
    await this.act(text, "Edit");
    await this.send(edited);
    await this.sees(edited);
  }

  async openMembers(): Promise<void> {
    await this.press("members and encryption");
    await this.dialog.waitFor();
  }

  async closeDialog(): Promise<void> {
    await this.page.keyboard.press("Escape");
    await this.dialog.waitFor({ state: "hidden" });
  }

  /** A tab that is not in front is hardly drawn, which makes each click wait. */
  private async front(): Promise<void> {
    await this.page.bringToFront();
  }

  async press(name: string): Promise<void> {
    await this.front();
    await this.button(name).click();
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name });
  }

  get box(): Locator {
    return this.page.getByRole("textbox", { name: "Message to" });
  }

  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  /** Call the API as the user of this tab, as a program of theirs could. */
  async api(path: string): Promise<{ status: number; body: unknown }> {
    return this.page.evaluate(async (address) => {
      const { accessToken } = JSON.parse(sessionStorage.getItem("session") ?? "{}") as { accessToken?: string };
      const response = await fetch(`/api${address}`, { headers: { Authorization: `Bearer ${accessToken}` } });
      return { status: response.status, body: await response.json().catch(() => null) };
    }, path);
  }
}
