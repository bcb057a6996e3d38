"""Stand in for the server of the labelling pages: two tasks, state in memory, a strict policy."""

from __future__ import annotations

import json
import mimetypes
import struct
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import jinja2

UI = Path(__file__).resolve().parents[2] / "ui"
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' blob: data:; worker-src 'self' blob:; connect-src 'self' blob: data:;"
    " media-src 'self' blob:; font-src 'self' data:; object-src 'none'; base-uri 'none'"
)
BOXES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="label" toName="image"><Label value="车辆" background="#1657B8"/>
<Label value="行人" background="#B85716"/></RectangleLabels></View>"""
COMMENT = """<View><Image name="image" value="$image"/>
<TextArea name="comment" toName="image" editable="true"/></View>"""
WORDS = {
    "loading": "正在打开任务…",
    "ready": "任务 %(task)s",
    "saving": "正在保存…",
    "saved": "草稿已保存 %(time)s",
    "kept": "暂时连不上服务器，已保存在本机",
    "restored": "已恢复本机上未保存的标注（%(time)s）",
    "conflict": "此任务已在另一窗口修改。提交会以此处为准；刷新可查看另一份",
    "sending": "正在提交…",
    "submitted": "已提交",
    "skipped": "已跳过",
    "reviewed": "审核结果已记录",
    "retrying": "未能提交：暂时连不上服务器。标注已保留，%(seconds)s 秒后重试",
    "refused": "未被接受：%(detail)s",
    "signed_out": "登录已失效。标注已保存在本机，请在另一标签页重新登录",
    "failed": "任务打不开：%(detail)s",
    "empty": "暂无任务",
}
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>标注</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{margin:0}}main{{display:flex;flex-direction:column;height:100vh}}
.frames{{flex:1;position:relative}}[data-spare]{{visibility:hidden}}
iframe{{position:absolute;width:100%;height:100%;border:0}}.bar{{padding:8px}}</style>
{scripts}</head><body>
<script type="application/json" id="words">{words}</script>
<main id="workbench" data-mode="{mode}" data-project="1" data-task="{task}" data-user="7"
data-csrf="c">
<div class="bar"><span data-status role="status"></span>
<button data-action="submit">提交</button><button data-action="accept">通过</button>
<button data-action="reject">驳回</button></div>
<form data-reason hidden><textarea name="reason" aria-label="原因"></textarea>
<button>确定驳回</button></form>
<section data-empty hidden><p data-empty-text></p></section>
<div data-conflict hidden><span data-conflict-text></span>
<button data-action="mine">看这里的</button><button data-action="theirs">看另一份</button>
<button data-action="settle">采用所显示的</button></div>
<div class="frames"><iframe data-editor src="/editor" title="标注编辑器"></iframe></div>
</main></body></html>"""
SCRIPTS = "".join(
    f'<script defer src="/static/scripts/{name}.js"></script>'
    for name in (
        *("asking", "outbox", "copies", "worktime", "frames"),
        *("kept", "drafting", "ahead", "prelabel", "decisions", "workbench"),
    )
)


def png(width: int, height: int) -> bytes:
    """Draw a grey picture."""
    rows = (b"\0" + b"\xa8\xb8\xc8" * width) * height

    def chunk(kind: bytes, body: bytes) -> bytes:
        length, check = struct.pack(">I", len(body)), struct.pack(">I", zlib.crc32(kind + body))
        return length + kind + body + check

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def box(region: str, label: str, **more: Any) -> dict[str, Any]:
    """Return a region as Label Studio writes it."""
    value = {"x": 10, "y": 10, "width": 20, "height": 30, "rotation": 0, "rectanglelabels": [label]}
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0}
    names = {"from_name": "label", "to_name": "image", "type": "rectanglelabels"}
    return {"id": region, "value": value, **size, **names, **more}


@dataclass
class Bench:
    """Two image tasks, what was sent about them, and switches for what can go wrong."""

    url: str = ""
    config: str = BOXES
    annotations: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    drafts: dict[int, dict[str, Any]] = field(default_factory=dict)
    draft_methods: list[str] = field(default_factory=list)
    problems: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def task(self, number: int) -> dict[str, Any]:
        """Return a task as the API shows it to an annotator."""
        regions = [box("p1", "车辆", score=0.9)] if self.config == BOXES else []
        prediction = {"id": 40 + number, "score": 0.9, "result": regions}
        draft = self.drafts.get(number)
        return {
            "id": number,
            "data": {"image": f"/media/{number}.png"},
            "annotations": [],
            "predictions": [prediction],
            "drafts": [draft] if draft else [],
            "unique_lock_id": f"lock-{number}",
            "label_config": self.config,
        }

    def answer(self, method: str, path: str, body: dict[str, Any], match: str) -> tuple[int, Any]:
        """Answer one request to the API."""
        for part, problem in self.problems.items():
            if part in path:
                return problem
        left = [n for n in (1, 2) if n not in {a["task"] for a in self.annotations}]
        if path.endswith("/workbench/next") and left:
            return 200, self.task(left[0])
        if path.endswith("/next_review") and not self.reviews:
            annotation = {"id": 90, "result": [box("a1", "行人")]}
            return 200, self.task(1) | {"annotation": annotation, "annotations": [annotation]}
        if path == "/api/tasks/1/workbench":
            return 200, self.task(1) | {"annotations": [{"id": 80, "result": [box("a1", "行人")]}]}
        if path == "/api/annotations/80/":
            self.updates.append(body)
            return 200, body
        if path.endswith("/annotations/"):
            self.annotations.append({"task": int(path.split("/")[3]), **body})
            return 201, {"id": 70 + len(self.annotations), **body}
        if path.endswith("/reviews"):
            self.reviews.append(body)
            return 201, {"id": 1}
        if "/drafts" in path:
            return self.keep(method, int(path.strip("/").split("/")[2]), body, match)
        return 404, {"title": "Not found", "detail": "没有待标注的任务", "code": "not_found"}

    def keep(self, method: str, number: int, body: dict[str, Any], match: str) -> tuple[int, Any]:
        """Keep a draft; drafts have the number of their task."""
        before = self.drafts.get(number)
        if method == "PATCH" and before and match != f'"{before["revision"]}"':
            return 412, {"title": "Changed", "detail": "changed", "code": "changed"}
        self.draft_methods.append(method)
        revision = before["revision"] + 1 if before else 1
        self.drafts[number] = {"id": number, "revision": revision, "result": body["result"]}
        return (201 if method == "POST" else 200), {"id": number, "revision": revision}


def handler(bench: Bench) -> type[BaseHTTPRequestHandler]:
    """Return the door to a bench: its pages, the built assets and the API."""
    manifest = json.loads((UI / "static" / "editor" / "manifest.json").read_text("utf-8"))
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(UI / "templates"), autoescape=True
    )

    def asset(path: str) -> str:
        known = manifest["files"].get(path.removeprefix("editor/"), "0")
        return f"/static/{path}?v={known[:16]}"

    class Door(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def give(self, status: int, content: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/"):
                self.api()
            elif path in ("/annotate", "/review"):
                words, task = json.dumps(WORDS, ensure_ascii=False), self.path.partition("task=")[2]
                page = PAGE.format(scripts=SCRIPTS, words=words, mode=path[1:], task=task)
                self.give(200, page.encode(), "text/html; charset=utf-8")
            elif path == "/editor":
                page = templates.get_template("tasks/editor.html").render(
                    language="zh", asset=asset
                )
                self.give(200, page.encode(), "text/html; charset=utf-8")
            elif path.startswith("/media/"):
                self.give(200, png(640, 480), "image/png")
            else:
                self.static(path.removeprefix("/static/"))

        def static(self, path: str) -> None:
            file = UI / path if path.startswith("scripts/") else UI / "static" / path
            if not file.is_file():
                self.give(404, b"", "text/plain")
                return
            kinds = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
            kind = kinds.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"
            packed = file.with_name(f"{file.name}.gz")
            headers = {"Cache_Control": "max-age=600"}
            if packed.is_file():
                self.give(200, packed.read_bytes(), kind, Content_Encoding="gzip", **headers)
            else:
                self.give(200, file.read_bytes(), kind, **headers)

        def api(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            if self.command != "GET" and self.headers.get("X-CSRFToken") != "c":
                status, answer = 403, {"title": "Refused", "detail": "no token"}
            else:
                match = self.headers.get("If-Match", "")
                path = self.path.partition("?")[0]
                status, answer = bench.answer(self.command, path, body, match)
            self.give(status, json.dumps(answer).encode(), "application/json")

        do_POST = do_PATCH = api

    return Door
