"""Templates for pictures of people, parts and pairs."""

from __future__ import annotations

from .template import SAMPLES, Template

_SAFETY = """\
<View>
  <RectangleLabels name="label" toName="image" showInline="true" strokeWidth="2">
    <Label value="人" alias="person" background="#1971c2" hotkey="1"/>
    <Label value="已戴安全帽" alias="helmet" background="#2f9e44" hotkey="2"/>
    <Label value="未戴安全帽" alias="no_helmet" background="#d6336c" hotkey="3"/>
    <Label value="反光衣" alias="vest" background="#e8590c" hotkey="4"/>
  </RectangleLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
</View>
"""

_PARTS = """\
<View>
  <RectangleLabels name="label" toName="image" showInline="true" strokeWidth="2"
                   canRotate="true" opacity="0.2">
    <Label value="螺栓" alias="bolt" background="#1971c2" hotkey="1"/>
    <Label value="连杆" alias="link" background="#d6336c" hotkey="2"/>
    <Label value="垫圈" alias="washer" background="#2f9e44" hotkey="3"/>
    <Label value="其他零件" alias="other" background="#e8590c" hotkey="4"/>
  </RectangleLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
</View>
"""

_PAIRS = """\
<View>
  <View style="display:flex; flex-wrap:wrap; gap:16px">
    <View style="flex:1 1 300px; min-width:0">
      <Header value="图片甲" size="5"/>
      <Image name="first" value="$first" zoom="true"/>
    </View>
    <View style="flex:1 1 300px; min-width:0">
      <Header value="图片乙" size="5"/>
      <Image name="second" value="$second" zoom="true"/>
    </View>
  </View>
  <Header value="两张图片的关系" size="5"/>
  <Choices name="relation" toName="first" choice="single" showInline="true" required="true"
           requiredMessage="请先选择两张图片的关系">
    <Choice value="同一件" alias="same" hotkey="1"/>
    <Choice value="同类不同件" alias="alike" hotkey="2"/>
    <Choice value="不同类" alias="different" hotkey="3"/>
  </Choices>
  <Header value="相似程度" size="5"/>
  <Rating name="likeness" toName="first" maxRating="5"/>
</View>
"""

TEMPLATES = (
    Template(
        "safety_helmets",
        "pictures",
        "安全帽与人员",
        "Helmets and people",
        "框出现场人员及其防护穿戴。数据字段：image。",
        "Box the people on site and what protects them. Data: image.",
        _SAFETY,
        {"image": f"{SAMPLES}/site.svg"},
    ),
    Template(
        "rotated_parts",
        "pictures",
        "零件旋转框",
        "Parts in rotated boxes",
        "用可旋转的框贴合任意朝向的零件。数据字段：image。",
        "Fit boxes that turn to parts in any direction. Data: image.",
        _PARTS,
        {"image": f"{SAMPLES}/parts.svg"},
    ),
    Template(
        "picture_pairs",
        "pictures",
        "相似图片比对",
        "Pairs of similar pictures",
        "判断两张图片是否为同一件，并给相似程度打分。数据字段：first、second。",
        "Say whether two pictures show the same piece, and how alike they are. "
        "Data: first, second.",
        _PAIRS,
        {"first": f"{SAMPLES}/part.svg", "second": f"{SAMPLES}/parts.svg"},
    ),
)
