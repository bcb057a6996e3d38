"""Templates for reading what plates, meters and papers say."""

from __future__ import annotations

from .template import SAMPLES, Template

_NAMEPLATE = """\
<View>
  <Labels name="label" toName="image" showInline="true">
    <Label value="型号" alias="model" background="#1971c2" hotkey="1"/>
    <Label value="编号" alias="serial" background="#d6336c" hotkey="2"/>
    <Label value="参数" alias="rating" background="#2f9e44" hotkey="3"/>
    <Label value="厂名" alias="maker" background="#e8590c" hotkey="4"/>
    <Label value="日期" alias="date" background="#7048e8" hotkey="5"/>
  </Labels>
  <Rectangle name="box" toName="image" strokeWidth="2"/>
  <Polygon name="polygon" toName="image" strokeWidth="2"/>
  <Image name="image" value="$image" zoom="true" zoomControl="true" rotateControl="true"/>
  <TextArea name="text" toName="image" perRegion="true" editable="true" required="true"
            requiredMessage="请先写出框里的文字"
            rows="1" maxSubmissions="1" placeholder="照原样录入框内文字"
            displayMode="region-list"/>
</View>
"""

_METER = """\
<View style="display:flex; flex-wrap:wrap; gap:16px; align-items:flex-start">
  <View style="flex:3 1 480px; min-width:0">
    <KeyPointLabels name="point" toName="image" showInline="true" strokeWidth="4">
      <Label value="表盘圆心" alias="centre" background="#1971c2" hotkey="1"/>
      <Label value="指针尖端" alias="tip" background="#d6336c" hotkey="2"/>
      <Label value="最小刻度" alias="low" background="#2f9e44" hotkey="3"/>
      <Label value="最大刻度" alias="high" background="#e8590c" hotkey="4"/>
    </KeyPointLabels>
    <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  </View>
  <View style="flex:1 1 220px; min-width:0">
    <Header value="读数" size="5"/>
    <Number name="reading" toName="image" step="any" required="true"
            requiredMessage="请先填写读数"/>
    <Header value="单位" size="5"/>
    <Choices name="unit" toName="image" choice="single-radio" required="true"
             requiredMessage="请先选择单位">
      <Choice value="MPa（兆帕）" alias="MPa" hotkey="q"/>
      <Choice value="℃（摄氏度）" alias="celsius" hotkey="w"/>
      <Choice value="A（安）" alias="A" hotkey="a"/>
      <Choice value="V（伏）" alias="V" hotkey="s"/>
      <Choice value="看不清" alias="unreadable" hotkey="d"/>
    </Choices>
  </View>
</View>
"""

_PAPERS = """\
<View>
  <Choices name="kind" toName="image" choice="single" showInline="true" required="true"
           requiredMessage="请先选择种类">
    <Choice value="检验报告" alias="inspection_report" hotkey="1"/>
    <Choice value="合格证" alias="certificate" hotkey="2"/>
    <Choice value="送货单" alias="delivery_note" hotkey="3"/>
    <Choice value="工艺卡" alias="process_card" hotkey="4"/>
    <Choice value="其他" alias="other" hotkey="5"/>
  </Choices>
  <RectangleLabels name="part" toName="image" showInline="true" strokeWidth="2">
    <Label value="标题" alias="title" background="#1971c2" hotkey="6"/>
    <Label value="表格" alias="table" background="#2f9e44" hotkey="7"/>
    <Label value="印章" alias="stamp" background="#d6336c" hotkey="8"/>
    <Label value="签字" alias="signature" background="#e8590c" hotkey="9"/>
  </RectangleLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true" rotateControl="true"/>
</View>
"""

TEMPLATES = (
    Template(
        "nameplate_text",
        "reading",
        "铭牌文字识读",
        "Text on nameplates",
        "框出铭牌上的每处文字，选择栏目并录入内容。数据字段：image。",
        "Box each text on a nameplate, say which field it is and type it. Data: image.",
        _NAMEPLATE,
        {"image": f"{SAMPLES}/nameplate.svg"},
    ),
    Template(
        "meter_reading",
        "reading",
        "指针仪表读数",
        "Readings of pointer meters",
        "点出圆心、指针和两端刻度，填写读数和单位。数据字段：image。",
        "Point at centre, pointer and both ends of the scale; give value and unit. Data: image.",
        _METER,
        {"image": f"{SAMPLES}/gauge.svg"},
    ),
    Template(
        "document_kinds",
        "reading",
        "单据扫描件分类",
        "Kinds of scanned papers",
        "判断扫描件是哪种单据，并框出标题、表格、印章和签字。数据字段：image。",
        "Say what kind of paper a scan shows, and box title, table, stamp and signature. "
        "Data: image.",
        _PAPERS,
        {"image": f"{SAMPLES}/report.svg"},
    ),
)
