"""Offer ready labelling configurations.

A label's `value` is what the annotator reads, its `alias` what is stored, so results stay
`open` while the page says 开路.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """A configuration to begin with, titled in Chinese and English."""

    name: str
    title_zh: str
    title_en: str
    about_zh: str
    about_en: str
    config: str


_BOARD_PAIR = """\
<View>
  <RectangleLabels name="label" toName="image" showInline="true" strokeWidth="2"
                   opacity="0.15" canRotate="false">
    <Label value="开路" alias="open" background="#d6336c" hotkey="1" hint="线路断开"/>
    <Label value="短路" alias="short" background="#e8590c" hotkey="2" hint="两条线路连在一起"/>
    <Label value="缺口" alias="mousebite" background="#f2b705" hotkey="3" hint="线路边缘缺铜"/>
    <Label value="毛刺" alias="spur" background="#2f9e44" hotkey="4" hint="线路边缘凸出"/>
    <Label value="余铜" alias="copper" background="#1971c2" hotkey="5" hint="不该有铜的地方有铜"/>
    <Label value="针孔" alias="pin_hole" background="#7048e8" hotkey="6" hint="铜面上的小孔"/>
  </RectangleLabels>
  <View style="display:flex; flex-wrap:wrap; gap:16px; align-items:flex-start">
    <View style="flex:3 1 560px; min-width:0">
      <Header value="待检板" size="5"/>
      <Image name="image" value="$image" zoom="true" zoomControl="true"
             rotateControl="false" negativeZoom="false" smoothing="false"/>
    </View>
    <View style="flex:1 1 260px; min-width:0">
      <Header value="标准板（对照用，不标注）" size="5"/>
      <Image name="template" value="$template" zoom="true" zoomControl="true"
             rotateControl="false" smoothing="false"/>
    </View>
  </View>
</View>
"""

_DEFECT_BOXES = """\
<View>
  <RectangleLabels name="label" toName="image" showInline="true" strokeWidth="2">
    <Label value="划痕" alias="scratch" background="#d6336c" hotkey="1"/>
    <Label value="凹坑" alias="dent" background="#e8590c" hotkey="2"/>
    <Label value="裂纹" alias="crack" background="#1971c2" hotkey="3"/>
    <Label value="污渍" alias="stain" background="#2f9e44" hotkey="4"/>
  </RectangleLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
</View>
"""

_IMAGE_CLASSES = """\
<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <Choices name="class" toName="image" choice="single" showInline="true" required="true">
    <Choice value="合格" alias="pass" hotkey="1"/>
    <Choice value="不合格" alias="fail" hotkey="2"/>
    <Choice value="无法判断" alias="unclear" hotkey="3"/>
  </Choices>
</View>
"""

_TEXT_ENTITIES = """\
<View>
  <Labels name="label" toName="text" showInline="true">
    <Label value="人名" alias="PER" background="#d6336c" hotkey="1"/>
    <Label value="机构" alias="ORG" background="#1971c2" hotkey="2"/>
    <Label value="地名" alias="LOC" background="#2f9e44" hotkey="3"/>
    <Label value="时间" alias="TIME" background="#e8590c" hotkey="4"/>
    <Label value="产品" alias="PRODUCT" background="#7048e8" hotkey="5"/>
  </Labels>
  <Text name="text" value="$text" granularity="symbol"/>
</View>
"""

_ALL = (
    Template(
        "board_pair",
        "电路板缺陷（与标准板对照）",
        "Board defects beside the reference board",
        "在待检板上框出六类缺陷，旁边显示标准板。数据字段：image、template。",
        "Box six kinds of defects on the tested board, the reference board beside it. "
        "Data: image, template.",
        _BOARD_PAIR,
    ),
    Template(
        "defect_boxes",
        "表面缺陷框选",
        "Surface defects in boxes",
        "在图片上框出缺陷。数据字段：image。",
        "Box the defects on a picture. Data: image.",
        _DEFECT_BOXES,
    ),
    Template(
        "image_classes",
        "图片分类",
        "Classes of pictures",
        "给整张图片选一个类别。数据字段：image。",
        "Choose one class for the whole picture. Data: image.",
        _IMAGE_CLASSES,
    ),
    Template(
        "text_entities",
        "中文实体标注",
        "Entities in Chinese text",
        "在文本中标出实体。数据字段：text。",
        "Mark entities in a text. Data: text.",
        _TEXT_ENTITIES,
    ),
)
TEMPLATES: dict[str, Template] = {template.name: template for template in _ALL}
