"""The course in JupyterLab, in a real browser: run a notebook, move its panels, see the
picture change, solve its exercises."""
import base64, json, os, socket, subprocess, sys, time, urllib.request

import nbformat, pytest
from conftest import NOTEBOOKS, ROOT
from jupyter_client import BlockingKernelClient
from playwright.sync_api import TimeoutError
from test_notebooks import changed_kinds, tried

TOKEN = "copymem"
PATIENCE = 240_000  # ms: a guard against a hang, on a busy machine too

ERRORS = ("() => [...document.querySelectorAll('.jp-OutputArea-output')]\n"
          "    .filter(o => o.dataset.mimeType === 'application/vnd.jupyter.error'"
          " || /Traceback \\(most recent call last\\)|javascript error/i"
          ".test(o.innerText))\n"
          "    .map(o => o.innerText)")
DONE = ("() => {  // every code cell that holds anything has its number, "
        "or one has failed\n"
        "    const cells = [...document.querySelectorAll("
        "'.jp-Notebook .jp-CodeCell')]"
        ".filter(c => c.querySelector('.cm-content').innerText.trim());\n"
        "    return cells.every(c => /^\\[\\d+\\]:?$/.test("
        "c.querySelector('.jp-InputArea-prompt').innerText.trim()))"
        f" || ({ERRORS})().length;\n}}")
SHOWN = "() => window.jupyterapp.shell.currentWidget.context.model.toJSON()"
STARTED = ("() => [...document.querySelectorAll('.jp-Notebook .jp-InputArea-prompt')]"
           ".some(p => /[*\\d]/.test(p.innerText))")
PICTURES = ("async w => Promise.all([...w.querySelectorAll('img')].map(async i => {\n"
            "    const bytes = new Uint8Array("
            "await (await fetch(i.src)).arrayBuffer());\n"
            "    return i.naturalWidth + ':' + btoa("
            "bytes.reduce((s, b) => s + String.fromCharCode(b), ''));\n"
            "}))")


@pytest.fixture(scope="module")
def home(tmp_path_factory): return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="module")
def server(shared_tree, home):
    "JupyterLab over a copy of the course, with nobody's settings but these."
    settings = {
        "labconfig/page_config.json": {"disabledExtensions": {
            "@jupyterlab/apputils-extension:announcements": True}},
        "lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings":
            {"windowingMode": "none"}}
    for name, value in settings.items():
        (home/name).parent.mkdir(parents=True, exist_ok=True)
        (home/name).write_text(json.dumps(value))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "JUPYTER_CONFIG_DIR": str(home),
           "JUPYTER_RUNTIME_DIR": str(home/"runtime"),
           "IPYTHONDIR": str(home/"ipython"),
           "JUPYTERLAB_SETTINGS_DIR": str(home/"lab/user-settings"),
           "JUPYTERLAB_WORKSPACES_DIR": str(home/"lab/workspaces")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}",
               "--ServerApp.port_retries=0", "--ip=127.0.0.1",
               "--expose-app-in-browser",
               f"--IdentityProvider.token={TOKEN}",
               "--ServerApp.root_dir", str(shared_tree/"nbs")]
    if hasattr(os, "geteuid") and os.geteuid() == 0: command.append("--allow-root")
    with (home/"log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT,
                                   env=env, cwd=shared_tree/"nbs")
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (home/"log").read_text()
            try:
                urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=5)
                break
            except OSError: time.sleep(0.2)
        else: pytest.fail((home/"log").read_text())
        yield url
    finally:
        process.terminate()
        try: process.wait(30)
        except subprocess.TimeoutExpired: process.kill()


def ask(server, place, method="GET"):
    "What the server says of its sessions."
    request = urllib.request.Request(f"{server}/api/sessions{place}", method=method,
                                     headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer: return answer.read()


def wait_for_kernel(server, name):
    "Wait until the notebook's kernel is there and has nothing to do."
    for _ in range(600):
        if any(s["path"] == f"{name}.ipynb" and s["kernel"]["execution_state"] == "idle"
               for s in json.loads(ask(server, ""))): return
        time.sleep(0.2)
    pytest.fail(f"no kernel for {name}")


@pytest.fixture
def open_room(server, browser, tmp_path):
    """A function that opens a notebook and runs all its cells; a picture of each page
    is left in the test's folder."""
    pages = []

    def open_room(name):
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.goto(f"{server}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        wait_for_kernel(server, name)
        # a click that comes before the page has its connection is lost
        for _ in range(5):
            run_all(page)
            try: page.wait_for_function(STARTED, timeout=20_000)
            except TimeoutError: continue
            break
        page.wait_for_function(DONE, timeout=PATIENCE, polling=500)
        assert not page.evaluate(ERRORS)
        return page

    yield open_room
    for i, page in enumerate(pages):
        page.screenshot(path=tmp_path/f"page-{i}.png")
        page.close()
    for session in json.loads(ask(server, "")):  # its kernel would go on
        ask(server, f"/{session['id']}", "DELETE")


def run_all(page):
    page.click(".lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-item:has-text('Run All Cells') >> nth=0")


def try_answers(server, home, name, cells):
    "Run `cells` in the kernel of the page, after its own."
    session, = [s for s in json.loads(ask(server, "")) if s["path"] == f"{name}.ipynb"]
    kernel = BlockingKernelClient()
    kernel.load_connection_file(
        str(home/f"runtime/kernel-{session['kernel']['id']}.json"))
    kernel.start_channels()
    try:
        kernel.wait_for_ready(timeout=60)
        for cell in cells:
            told = kernel.execute(cell.source, reply=True, timeout=240)["content"]
            assert told["status"] == "ok", "\n".join([cell.source, *told["traceback"]])
    finally: kernel.stop_channels()


def widget_of(page, name):
    found = page.locator(f".jp-OutputArea-output .copymem-{name}").first
    found.wait_for()
    found.scroll_into_view_if_needed()
    found.locator("img").first.wait_for()
    return found


def pictures(widget):
    "The widget's pictures, as bytes; waits until each has been drawn."
    for _ in range(200):
        try: found = widget.evaluate(PICTURES)
        except Exception: found = []  # replaced while it was read
        if found and not any(f.startswith("0:") for f in found):
            return [base64.b64decode(f.partition(":")[2]) for f in found]
        time.sleep(0.1)
    pytest.fail("no picture was drawn")


def changed(widget, before):
    "Wait until the widget's pictures differ from `before`."
    for _ in range(600):
        now = pictures(widget)
        if now != before: return now
        time.sleep(0.1)
    pytest.fail("the picture did not change")


def settled(widget):
    "The widget's pictures once two looks, half a second apart, agree."
    now = pictures(widget)
    for _ in range(120):
        time.sleep(0.5)
        before, now = now, pictures(widget)
        if before == now: return now
    pytest.fail("the picture does not come to rest")


def chosen(widget, box, value):
    "Choose `value` in the list `box`, which a label names, and wait for the picture."
    assert box.evaluate("list => [...list.labels].some(l => l.innerText.trim())")
    before = settled(widget)
    box.select_option(value)
    changed(widget, before)


def sliders_move_the_picture(page, widget):
    for slider in widget.locator(".widget-slider").all():
        before, readout, handle = (
            settled(widget), slider.locator(".widget-readout"),
            slider.locator(".noUi-handle").first)
        number = readout.inner_text()
        handle.focus()
        at_end = (handle.get_attribute("aria-valuenow")
                  == handle.get_attribute("aria-valuemax"))
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        changed(widget, before)
        assert readout.inner_text() != number
    for box in widget.locator("select").all():
        chosen(widget, box, box.locator("option:not(:checked)").last.inner_text())
    assert widget.locator(".widget-slider").count()


def press(widget, name): widget.locator(f"button:has-text('{name}')").click()


def says(page, widget, word):
    "Wait until the panel says `word`."
    page.wait_for_function("([w, word]) => w.innerText.includes(word)",
                           arg=[widget.element_handle(), word])


def slide(page, widget, name, key):
    "Press `key` on the slider with this name, and wait for its number to change."
    slider = widget.locator(f".widget-slider:has(label:text-is('{name}'))")
    number = slider.locator(".widget-readout").inner_text()
    slider.locator(".noUi-handle").first.focus()
    page.keyboard.press(key)
    page.wait_for_function("([s, was]) => s.innerText !== was", arg=[
        slider.locator(".widget-readout").element_handle(), number])


def follows_its_controls(page, widget):
    "Sliders and choices change the picture; moved back, it is what it was."
    first = settled(widget)
    for slider in widget.locator(".widget-slider").all():
        name = slider.locator("label").inner_text()
        slide(page, widget, name, "ArrowLeft")
        changed(widget, first)
        slide(page, widget, name, "ArrowRight")
        for _ in range(600):
            if pictures(widget) == first: break
            time.sleep(0.1)
        assert settled(widget) == first
    network, *others = widget.locator("select").all()
    for box in (network, *others):
        was = box.input_value()
        for value in box.locator("option:not(:checked)").all_inner_texts():
            chosen(widget, box, value)
            if box is network: says(page, widget, f": {value}, ")
        box.select_option(was)


def after_a_drag_the_picture_is_the_label_s(page, widget):
    "Dragged by hand, to and fro: what the panel says in the end is what stands there."
    settled(widget)
    slider = widget.locator(".widget-slider:has(label:text-is('step'))")
    handle, track = (slider.locator(s).first.bounding_box()
                     for s in (".noUi-handle", ".noUi-target"))
    y = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, y)
    page.mouse.down()
    for share in (0.9, 0.1, 0.5, 0.95, 0.6):
        page.mouse.move(track["x"] + share * track["width"], y, steps=12)
    page.mouse.up()
    step = slider.locator(".widget-readout").inner_text()
    says(page, widget, f"step {step}:")
    settled(widget)
    assert step == slider.locator(".widget-readout").inner_text()
    assert f"step {step}:" in widget.inner_text()


def training_starts_and_stops(page, widget):
    "Start twice in one go, and Stop while it starts."
    before = settled(widget)
    widget.locator("button:has-text('Start')").dblclick()
    changed(widget, changed(widget, before))
    press(widget, "Stop")
    says(page, widget, "stopped")
    press(widget, "Start")
    press(widget, "Stop")
    says(page, widget, "stopped")
    settled(widget)
    assert widget.locator("button:has-text('Start')").is_enabled()


def keeps_earlier_runs(page, widget):
    "With the penalty a run arrives, and the earlier one stays beside it."
    penalty = widget.get_by_label("activity penalty", exact=True)
    penalty.select_option("0.03")
    before = settled(widget)
    press(widget, "Clear")
    changed(widget, before)
    says(page, widget, "Press Start")
    empty = settled(widget)
    press(widget, "Start")
    says(page, widget, "arrived")
    assert "recall 0.99 at update" in widget.inner_text()
    one = settled(widget)
    penalty.select_option("0")
    press(widget, "Start")
    says(page, widget, "running")
    press(widget, "Stop")
    says(page, widget, "stopped")
    assert settled(widget) != one
    press(widget, "Clear")
    says(page, widget, "Press Start")
    assert settled(widget) == empty


def answers_what_is_typed(page, widget):
    box = widget.locator("input[type=text]").first
    before = settled(widget)
    box.fill("0 1 4 5 1 4 5 3 2 6")
    box.press("Enter")
    after = changed(widget, before)
    said = widget.inner_text()
    for wrong in ("0 1 9 5 1 4 5 3 2 6", "1 2 3", "hello"):
        box.fill(wrong)
        box.press("Enter")
        page.wait_for_function("([w, said]) => w.innerText !== said",
                               arg=[widget.element_handle(), said])
        message = widget.inner_text()
        assert ("10" in message or "ten" in message
                or "0" in message and "7" in message), message
        box.fill("0 1 4 5 1 4 5 3 2 6")
        box.press("Enter")
        page.wait_for_function("([w, said]) => w.innerText === said",
                               arg=[widget.element_handle(), said])
    assert settled(widget) == after


# Of each notebook with something to move: its panels, and what is tried on each.
ROOMS = {
    "01_data": {"task-explorer": [sliders_move_the_picture]},
    "02_rnn": {"state-viewer": [sliders_move_the_picture]},
    "03_backprop": {"gradient-horizon": [sliders_move_the_picture]},
    "04_targetprop": {"target-explorer": [sliders_move_the_picture]},
    "05_train": {"live-training": [training_starts_and_stops]},
    "06_duel": {"duel": [answers_what_is_typed]},
    "07_memory": {"steepness-training": [training_starts_and_stops]},
    "08_even": {"even-explorer": [sliders_move_the_picture]},
    "09_staying": {"duel": [answers_what_is_typed]},
    "10_far": {"state-viewer": [sliders_move_the_picture]},
    "toolbox/inside": {
        "probe-browser": [follows_its_controls],
        "even-explorer": [follows_its_controls,
                          after_a_drag_the_picture_is_the_label_s]},
    "toolbox/steep": {"steepness-training": [keeps_earlier_runs]},
}
WITHOUT = {"11_known"}  # chapters with nothing to move


def test_every_chapter_is_here():
    chapters = {room for room in ROOMS if room[0].isdigit()}
    assert sorted(chapters | WITHOUT) == sorted(
        p.removeprefix("nbs/").removesuffix(".ipynb")
        for p in NOTEBOOKS if p[4:6].isdigit())


@pytest.mark.parametrize("room", ROOMS)
def test_room(open_room, server, home, room):
    """All cells run and show what is saved, every panel answers, and the kernel then
    solves the exercises, as in test_notebooks."""
    path = f"nbs/{room}.ipynb"
    saved = nbformat.read(ROOT/path, as_version=4)
    page = open_room(room)
    shown = nbformat.from_dict(page.evaluate(SHOWN))
    assert not changed_kinds(saved, shown), f"run {path} again and save it"
    for panel, checks in ROOMS[room].items():
        for check in checks: check(page, widget_of(page, panel))
    assert not page.evaluate(ERRORS)
    try_answers(server, home, room, tried(saved, path))


def test_a_restarted_kernel_leaves_no_training(open_room, server):
    "The kernel ends while a training runs, and a new one works."
    page = open_room("toolbox/steep")
    widget = widget_of(page, "steepness-training")
    press(widget, "Start")
    says(page, widget, "running")
    page.click(".lm-MenuBar-item:has-text('Kernel')")
    page.click(".lm-Menu-item:has-text('Restart Kernel…') >> nth=0")
    page.click(".jp-Dialog-button:has-text('Restart')")
    wait_for_kernel(server, "toolbox/steep")
    run_all(page)
    page.wait_for_function(STARTED)
    page.wait_for_function(DONE, polling=500)
    press(widget_of(page, "steepness-training"), "Clear")
    assert not page.evaluate(ERRORS)
