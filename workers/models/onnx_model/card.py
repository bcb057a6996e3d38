"""Say for people what the door for ONNX files is, for what it serves, and where it ends."""

from __future__ import annotations

from typing import Any

from ..exported.card import LIMITS_EN, LIMITS_ZH, OPTIONS

CARD: dict[str, Any] = {
    "title": {"zh": "ONNX 模型", "en": "ONNX model"},
    "what": {
        "zh": "运行在别处训练并导出的 ONNX 文件：YOLO 检测、YOLO 实例分割或整图分类，"
        "输出框、轮廓或类别。文件在独立进程中运行，内存和时间受限。",
        "en": "Runs an ONNX file that was trained and exported elsewhere: YOLO boxes, YOLO shapes "
        "or a classifier of whole pictures. The file runs in a process of its own with limited "
        "memory and time.",
    },
    "for": {
        "zh": "已有自训模型的团队：把模型交给平台预标，由人工确认和修改。",
        "en": "Whoever has a model already: it labels first, people confirm and correct.",
    },
    "limits": {
        "zh": [
            *LIMITS_ZH,
            "文件不超过 512 MB，须为单个文件（不引用外部数据），不含自定义算子；仅用 CPU 运行。",
            "每张图限时 30 秒。模型的质量和许可由提供者负责，应先用少量已标任务核对。",
        ],
        "en": [
            *LIMITS_EN,
            "The file has at most 512 MB, is one file (no external data) and holds no custom "
            "operators; it runs on the CPU only.",
            "30 seconds a picture. How good it is and its licence are the giver's matter: compare "
            "it with some labelled tasks first.",
        ],
    },
    "data": {
        "zh": "取决于所上传的文件；平台只记录其摘要值和大小。",
        "en": "That of the uploaded file; only its digest and size are known here.",
    },
    "licence": {"zh": "以上传者声明为准", "en": "as the uploader states"},
    "options": [
        {
            "name": "file",
            "title": {"zh": "ONNX 文件", "en": "ONNX file"},
            "kind": "file",
            "default": None,
            "required": True,
            "help": {
                "zh": "由 Ultralytics、PyTorch 等导出的 .onnx 文件，上传时会试运行一次。",
                "en": "A .onnx file exported by Ultralytics, PyTorch or others; it is tried once.",
            },
        },
        *OPTIONS,
    ],
}
