"""Describe the few-shot brush for people."""

from __future__ import annotations

from typing import Any

CARD: dict[str, Any] = {
    "title": {"zh": "少样本画笔", "en": "Few-shot brush"},
    "what": {
        "zh": "用随软件附带的文字检测网络的主干和多尺度经典滤波描述图中每一处，"
        "每个标签一个线性分类头，由少量涂抹、多边形或矩形框学得；相连的可信之处合成区域，"
        "区域的门槛和置信度用交叉验证确定。",
        "en": "Describes every place of a picture by the backbone of a packaged text-detection "
        "network and by classical filters at several scales; a linear head a label is learned from "
        "a few brush strokes, polygons or boxes. Sure places that touch become regions, whose "
        "thresholds and scores are set by cross-validation.",
    },
    "for": {
        "zh": "十至五十幅已标注的图像即可：表面缺陷等与背景质地不同的局部区域，"
        "给出掩膜（画笔、多边形）或矩形框，以减少描画时间；结果须由人工确认。",
        "en": "From about ten to fifty labelled pictures: spots that differ in texture from what "
        "is around them, such as surface defects, as masks (brush, polygon) or boxes. It saves "
        "drawing time; people confirm every region.",
    },
    "limits": {
        "zh": [
            "在纹理复杂的表面上常常帮不上忙，多种缺陷混在一起或缺陷极细时尤其如此；"
            "是否节省时间以本项目的估算和实测为准。",
            "同类目标大小相差很大时，太小的会漏掉：图像按常见大小缩放后再看。",
            "挨在一起的两个目标会合成一个区域。",
            "只按矩形框学习时，框内轮廓是推测的，掩膜会较粗略。",
            "样本中若没有无缺陷的图像，在大量无缺陷图像上的误报无从估计；请也标注几幅。",
            "更换相机、光照、放大倍数或工艺后应重新训练。",
        ],
        "en": [
            "On textured surfaces it often does not help, least of all with several kinds of "
            "defect or very fine ones; trust the project's estimate and measurement of time saved.",
            "Where things of one label vary much in size it misses the smallest: pictures are "
            "looked at in the scale that suits the usual size.",
            "Two things that touch become one region.",
            "Learned from boxes alone, outlines are guessed, and masks are coarse.",
            "Without clean pictures among the examples nobody can tell how often it errs on clean "
            "ones: label some of these too.",
            "Train again after a change of camera, light, magnification or process.",
        ],
    },
    "data": {
        "zh": "主干网络来自 rapidocr 软件包中的 PP-OCRv6 文字检测模型（飞桨，Apache-2.0）；"
        "其余只从本项目内的人工标注学得。",
        "en": "The backbone is that of the PP-OCRv6 text detector in the package rapidocr "
        "(PaddlePaddle, Apache-2.0); all else is learned only from people's marks in the project.",
    },
    "licence": "Apache-2.0",
}
