import pytest

from course_utils.widgets.base import STATIC, Widget, script


def test_a_script_is_one_module_without_imports_from_files(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text(
        "/** One.\n * More. */\nexport function f() {\n  // Why.\n  return 1; // and\n}\nexport const g = 2;\n"
    )
    (tmp_path / "b.js").write_text('import {\n  f,\n  g,\n} from "./a.js";\nexport default { render: f };\n')
    monkeypatch.setattr("course_utils.widgets.base.STATIC", tmp_path)
    assert script("a.js", "b.js").splitlines() == [
        *("function f() {", "return 1; // and", "}", "const g = 2;", "", "export default { render: f };")
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.glob("*.js")))
def test_no_file_fetches_anything(name):
    """Everything works offline, so nothing may point to a server."""
    text = (STATIC / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text and "import(" not in text
    # The training chart asks the server that the page came from, to stop the kernel.
    assert text.count("fetch(") == text.count("fetch(`${baseUrl") == (name == "training_chart.js")


def test_a_widget_has_a_static_view_beside_it():
    class Small(Widget):
        _esm = "export default { render() {} }"

        def static_view(self):
            return {"text/html": "<b>still</b>"}

    data, _ = Small()._repr_mimebundle_()
    assert data["text/html"] == "<b>still</b>"
    assert "application/vnd.jupyter.widget-view+json" in data
