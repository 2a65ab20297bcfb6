#!/usr/bin/env python3
"""The chat page of a server's port for clients, in a real browser: Chromium without a window, told
what to do over its DevTools pipe.

page.py PROGRAM [unittest arguments...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

PROGRAM = sys.argv.pop(1)
# Resolves with the log's text as soon as it matches; the log tells of its changes.
WAIT = """new Promise((done, fail) => {
  const log = document.getElementById("log"), look = () => {
    const found = new RegExp(PATTERN, "m").exec([...log.children].map(line => line.textContent).join("\\n"));
    if (found) done(found[0]);
    return found;
  };
  if (look()) return;
  new MutationObserver((_, observer) => { if (look()) observer.disconnect(); })
    .observe(log, {childList: true, subtree: true, characterData: true});
  setTimeout(() => fail(new Error("not in the log: " + PATTERN + "\\n" + log.textContent)), LIMIT);
})"""


class Browser:
    def __init__(self, directory):
        program = shutil.which("chromium")
        if program is None:
            sys.exit("chromium is missing: install the package chromium")
        orders, self.orders = os.pipe()
        self.answers, answers = os.pipe()
        self.popen = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{orders} 4>&{answers}', "sh", program, "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             f"--user-data-dir={directory}", "--remote-debugging-pipe", "about:blank"],
            pass_fds=(orders, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(orders)
        os.close(answers)
        self.file = os.fdopen(self.answers, "rb")
        self.number, self.kept = 0, b""

    def ask(self, method, session=None, **parameters):
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        if session:
            order["sessionId"] = session
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        while True:
            while b"\0" not in self.kept:
                more = os.read(self.answers, 65536)
                if not more:
                    raise AssertionError("the browser is gone")
                self.kept += more
            text, self.kept = self.kept.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def destroy(self):
        self.popen.kill()
        self.popen.wait()
        os.close(self.orders)
        self.file.close()


class Page:
    """A user at the page of that server."""

    def __init__(self, browser, place, user):
        self.browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.ask("Page.enable", self.session)
        browser.ask("Page.navigate", self.session, url=f"http://{place}/")
        self.run("""new Promise(done => {
            if (location.protocol !== "about:" && document.readyState === "complete") done();
            else addEventListener("load", () => done()); })""")
        self.fill("who", name=user)
        self.wait_for("^\\* online$")

    def run(self, script):
        got = self.browser.ask("Runtime.evaluate", self.session, expression=script, awaitPromise=True,
                               returnByValue=True)
        if "exceptionDetails" in got:
            raise AssertionError(got["exceptionDetails"]["exception"].get("description", got))
        return got["result"].get("value")

    def fill(self, form, **fields):
        for name, text in fields.items():
            self.run(f"document.getElementById({json.dumps(name)}).value = {json.dumps(text)}")
        self.run(f"document.getElementById({json.dumps(form)}).requestSubmit()")

    def say(self, to, text):
        self.fill("what", to=to, text=text)

    def wait_for(self, pattern):
        return self.run(WAIT.replace("PATTERN", json.dumps(pattern)).replace("LIMIT", str(harness.LIMIT * 1000)))


class ChatPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="imroute-", ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.cluster = harness.Cluster(PROGRAM, os.path.join(directory.name, "data"), nodes=2)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.wait_ready()
        cls.browser = Browser(os.path.join(directory.name, "browser"))
        cls.addClassCleanup(cls.browser.destroy)

    def page(self, user):
        return Page(self.browser, self.cluster.router, user)

    def test_a_page_and_a_terminal(self):
        bob = self.cluster.chat("bob")
        alice = self.page("alice")
        alice.say("bob", "hello from the page")
        bob.wait_for(r"^alice #1: hello from the page$")
        alice.wait_for("^to bob: hello from the page  ✓✓ delivered$")
        bob.say("/to alice")
        bob.say("<img src=x onerror=alert(1)>")
        alice.wait_for("^bob #\\d+: <img src=x onerror=alert\\(1\\)>$")
        self.assertEqual(alice.run("document.querySelectorAll('#log img').length"), 0)
        bob.wait_for(r"^  \[2\] delivered to alice$")
        for i in range(3, 8):
            bob.say(f"more {i}")
            alice.say("bob", f"also {i}")
        bob.wait_for(r"^alice #\d+: also 7$")
        alice.wait_for("^bob #\\d+: more 7$")
        alice.wait_for("^to bob: also 7  ✓✓ delivered$")
        shown = alice.run("[...document.querySelectorAll('#log div')].map(line => line.textContent).join('|')")
        self.assertEqual(shown.count("✓✓ delivered"), 6, shown)
        self.assertNotIn("\x06", shown)
        self.assertNotIn("refused", shown)

    def test_two_pages(self):
        carol, dave = self.page("carol"), self.page("dave")
        carol.say("dave", "anybody there?")
        dave.wait_for("^carol #1: anybody there\\?$")
        dave.say("carol", "yes")
        carol.wait_for("^dave #\\d+: yes$")
        for page, line in ((carol, "^to dave: anybody there\\?"), (dave, "^to carol: yes")):
            page.wait_for(line + "  ✓✓ delivered$")


unittest.main()
