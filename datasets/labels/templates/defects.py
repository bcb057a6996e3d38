"""Templates for finding defects on boards and surfaces."""

from __future__ import annotations

from .template import SAMPLES, Template

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

_DEFECT_MASKS = """\
<View>
  <BrushLabels name="label" toName="image" showInline="true">
    <Label value="划痕" alias="scratch" background="#d6336c" hotkey="1"/>
    <Label value="锈蚀" alias="rust" background="#e8590c" hotkey="2"/>
    <Label value="麻点" alias="pitting" background="#1971c2" hotkey="3"/>
    <Label value="剥落" alias="spalling" background="#2f9e44" hotkey="4"/>
  </BrushLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true" brightnessControl="true"
         contrastControl="true"/>
</View>
"""

_DEFECT_CLICKS = """\
<View>
  <Header size="5"
          value="选好缺陷种类，在缺陷上点一下或拖一个框，按回车采纳轮廓；按住 Alt 点多余处可去掉"/>
  <View style="display:flex; flex-wrap:wrap; gap:24px">
    <View>
      <Header value="点选" size="6"/>
      <KeyPointLabels name="click" toName="image" smart="true" smartOnly="true" showInline="true">
        <Label value="划痕" alias="scratch" background="#d6336c" hotkey="1"/>
        <Label value="锈蚀" alias="rust" background="#e8590c" hotkey="2"/>
        <Label value="麻点" alias="pitting" background="#1971c2" hotkey="3"/>
        <Label value="剥落" alias="spalling" background="#2f9e44" hotkey="4"/>
      </KeyPointLabels>
    </View>
    <View>
      <Header value="框选" size="6"/>
      <RectangleLabels name="frame" toName="image" smart="true" smartOnly="true" showInline="true">
        <Label value="划痕" alias="scratch" background="#d6336c" hotkey="5"/>
        <Label value="锈蚀" alias="rust" background="#e8590c" hotkey="6"/>
        <Label value="麻点" alias="pitting" background="#1971c2" hotkey="7"/>
        <Label value="剥落" alias="spalling" background="#2f9e44" hotkey="8"/>
      </RectangleLabels>
    </View>
    <View>
      <Header value="画笔修补" size="6"/>
      <BrushLabels name="label" toName="image" smart="false" showInline="true">
        <Label value="划痕" alias="scratch" background="#d6336c"/>
        <Label value="锈蚀" alias="rust" background="#e8590c"/>
        <Label value="麻点" alias="pitting" background="#1971c2"/>
        <Label value="剥落" alias="spalling" background="#2f9e44"/>
      </BrushLabels>
    </View>
  </View>
  <Image name="image" value="$image" zoom="true" zoomControl="true" brightnessControl="true"
         contrastControl="true"/>
</View>
"""

_DEFECT_OUTLINES = """\
<View>
  <PolygonLabels name="outline" toName="image" showInline="true" strokeWidth="2"
                 opacity="0.2" pointSize="small">
    <Label value="裂纹" alias="crack" background="#d6336c" hotkey="1"/>
    <Label value="缺料" alias="missing" background="#e8590c" hotkey="2"/>
    <Label value="气孔" alias="pore" background="#1971c2" hotkey="3"/>
  </PolygonLabels>
  <KeyPointLabels name="point" toName="image" showInline="true">
    <Label value="起点" alias="start" background="#2f9e44" hotkey="4"/>
    <Label value="终点" alias="end" background="#7048e8" hotkey="5"/>
  </KeyPointLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
</View>
"""

_IMAGE_CLASSES = """\
<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <Choices name="class" toName="image" choice="single" showInline="true" required="true"
           requiredMessage="请先选择类别">
    <Choice value="合格" alias="pass" hotkey="1"/>
    <Choice value="不合格" alias="fail" hotkey="2"/>
    <Choice value="无法判断" alias="unclear" hotkey="3"/>
  </Choices>
</View>
"""

TEMPLATES = (
    Template(
        "board_pair",
        "defects",
        "电路板缺陷（与标准板对照）",
        "Board defects beside the reference board",
        "在待检板上框出六类缺陷，旁边显示标准板。数据字段：image、template。",
        "Box six kinds of defects on the tested board, the reference board beside it. "
        "Data: image, template.",
        _BOARD_PAIR,
        {"image": f"{SAMPLES}/board.svg", "template": f"{SAMPLES}/board_reference.svg"},
    ),
    Template(
        "defect_boxes",
        "defects",
        "表面缺陷框选",
        "Surface defects in boxes",
        "在图片上框出缺陷。数据字段：image。",
        "Box the defects on a picture. Data: image.",
        _DEFECT_BOXES,
    ),
    Template(
        "defect_masks",
        "defects",
        "表面缺陷涂抹（像素级）",
        "Surface defects as masks",
        "用画笔涂出缺陷的每个像素，用于分割模型。数据字段：image。",
        "Paint every pixel of a defect, for segmentation. Data: image.",
        _DEFECT_MASKS,
    ),
    Template(
        "defect_clicks",
        "defects",
        "点选生成掩膜（点一下出轮廓）",
        "Masks from a click or a box",
        "在缺陷上点一下或拖一个框，自动勾出像素级轮廓，按回车采纳，再用画笔修补。数据字段：image。",
        "Click on a defect or box it: its pixels are outlined; take them with Enter and mend them "
        "with the brush. Data: image.",
        _DEFECT_CLICKS,
    ),
    Template(
        "defect_outlines",
        "defects",
        "缺陷轮廓与关键点",
        "Defect outlines and points",
        "用多边形描出缺陷边界，并点出裂纹的起点和终点。数据字段：image。",
        "Draw the edge of a defect and point at both ends of a crack. Data: image.",
        _DEFECT_OUTLINES,
    ),
    Template(
        "image_classes",
        "defects",
        "图片分类（合格判定）",
        "Classes of pictures: pass or fail",
        "给整张图片选一个类别。数据字段：image。",
        "Choose one class for the whole picture. Data: image.",
        _IMAGE_CLASSES,
    ),
)
