# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives a real browser for the live page: Debian's Chromium, by its WebDriver."""

import base64
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

import cache
from pipeline import wait_until

AXE = "axe-core@4.14.1"
# Chromium can't use its sandbox as root. The CPU draws the pictures, because there may be no GPU.
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--lang=en"]

# Returns the elements wider than the page, except elements within a scroller or a hidden text.
STICKS_OUT = """
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const box = element.getBoundingClientRect();
  if (!box.width || (box.right <= innerWidth + 0.5 && box.left >= -0.5)) continue;
  if (!element.closest("#marks, .scroll, .hidden-text, .skip, thead, svg, .frame, .plot-place, #history-plot, h3"))
    found.push(`${element.tagName}.${element.className} to ${box.right}`);
}
return [document.documentElement.scrollWidth - innerWidth, found.slice(0, 5)];
"""

PICTURES = """
return performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/api/picture")).length;
"""


def axe():
    """The accessibility checker axe, from npm."""
    def download(directory):
        cache.checked(["npm", "pack", "--silent", AXE], "download of axe-core", cwd=directory)
        cache.checked(["tar", "-xzf", *directory.glob("*.tgz")], "unpacking", cwd=directory)

    return (cache.cached("axe-core", [AXE], download) / "package/axe.min.js").read_text()


class Browser:
    def __init__(self):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self._driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self._driver.set_script_timeout(60)

    def close(self):
        self._driver.quit()

    def look(self, width=1280, height=900, scheme="light", motion="no-preference", scale=1):
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500})
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, address):
        """Opens a page. The page before is left first, because it may log failed requests as long as it is open, also those to
        a server that the test has stopped; then its entries in the console are discarded."""
        self._driver.get("about:blank")
        self.logged()
        self._driver.get(address)

    def run(self, script, *arguments):
        return self._driver.execute_script(script, *arguments)

    def wait(self, script, *arguments, timeout=20, what=None):
        """Waits until the script returns a true value, and returns the value."""
        return wait_until(lambda: self.run(f"return {script}", *arguments), timeout, what or script)

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def click(self, css):
        self.run("document.querySelector(arguments[0]).click()", css)

    def press(self, css, *keys):
        """Sends key presses to the element that has the focus."""
        element = self._driver.find_element("css selector", css)
        self.run("arguments[0].focus()", element)
        element.send_keys(*keys)

    def _mouse(self, css, kind, x, y):
        left, top, width, height = self.run(
            "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]", css)
        self._driver.execute_cdp_cmd("Input.dispatchMouseEvent", {
            "type": kind, "x": left + x * width, "y": top + y * height, "button": "left", "clickCount": 1,
            "buttons": 0 if kind == "mouseReleased" else 1})

    def click_at(self, css, x, y):
        """Clicks with the mouse into a visible element, at fractions of its width and height."""
        self._mouse(css, "mousePressed", x, y)
        self._mouse(css, "mouseReleased", x, y)

    def drag(self, css, begin, end):
        """Drags with the mouse within an element: presses it at one point, and releases it at another."""
        self._mouse(css, "mousePressed", *begin)
        self._mouse(css, "mouseMoved", *end)
        self._mouse(css, "mouseReleased", *end)

    def set(self, css, value):
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, {bubbles: true}))", css, value)

    def copied(self):
        """Returns the text in the clipboard."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self._driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": permissions})
        return self._driver.execute_async_script(
            "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))")

    def download_to(self, directory):
        self._driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(directory)})

    def show(self, css):
        self.run("document.querySelector(arguments[0]).scrollIntoView({behavior: 'instant'})", css)

    def logged(self):
        """Returns the errors in the console since the last call. The answer 502 isn't one of them: the page's server gives
        it if Kafka or the database doesn't answer in time, as on a busy machine, and the page shows the reason."""
        errors = [entry["message"] for entry in self._driver.get_log("browser") if entry["level"] == "SEVERE"]
        return [error for error in errors if "status of 502" not in error]

    def sticks_out(self):
        """Returns (number of pixels by which the page is wider than the window, elements that are too wide)."""
        return self.run(STICKS_OUT)

    def pictures(self):
        """Returns the number of pictures that the page has fetched since the last reset."""
        return self.run(PICTURES)

    def forget_pictures(self):
        self.run("performance.clearResourceTimings()")

    def pictures_within(self, seconds):
        self.forget_pictures()
        time.sleep(seconds)
        return self.pictures()

    def violations(self):
        """Returns the violations that axe finds: (rule, elements)."""
        if not self.run("return Boolean(window.axe)"):
            self.run(axe())
        found = self._driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then((result) => done(result.violations), (error) => done(String(error)))")
        assert isinstance(found, list), found
        return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]

    def picture(self, file):
        """Returns a screenshot as WebP."""
        shot = self._driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 86})
        file.write_bytes(base64.b64decode(shot["data"]))
