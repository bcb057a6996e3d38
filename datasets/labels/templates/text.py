"""Templates for texts: classes, entities, relations, summaries."""

from __future__ import annotations

from .template import Template

_WORK_ORDERS = """\
<View>
  <Text name="text" value="$text"/>
  <Header value="故障类别（选到最细一级）" size="5"/>
  <Taxonomy name="fault" toName="text" required="true" leafsOnly="true"
            requiredMessage="请先选择故障类别" placeholder="请选择…">
    <Choice value="机械" alias="mechanical">
      <Choice value="异响振动" alias="vibration"/>
      <Choice value="磨损断裂" alias="wear"/>
      <Choice value="泄漏" alias="leak"/>
    </Choice>
    <Choice value="电气" alias="electrical">
      <Choice value="过热" alias="overheat"/>
      <Choice value="短路跳闸" alias="trip"/>
      <Choice value="传感器异常" alias="sensor"/>
    </Choice>
    <Choice value="软件" alias="software">
      <Choice value="程序报警" alias="alarm"/>
      <Choice value="通信中断" alias="connection"/>
    </Choice>
  </Taxonomy>
  <Header value="紧急程度" size="5"/>
  <Choices name="urgency" toName="text" choice="single-radio" showInline="true" required="true"
           requiredMessage="请先选择紧急程度">
    <Choice value="停机" alias="stopped" hotkey="1"/>
    <Choice value="影响质量" alias="quality" hotkey="2"/>
    <Choice value="可择期处理" alias="later" hotkey="3"/>
  </Choices>
</View>
"""

_INSTRUCTIONS = """\
<View>
  <Relations>
    <Relation value="使用" alias="uses"/>
    <Relation value="属于" alias="part_of"/>
    <Relation value="先于" alias="before"/>
    <Relation value="要求" alias="requires"/>
  </Relations>
  <Labels name="label" toName="text" showInline="true">
    <Label value="工序" alias="step" background="#1971c2" hotkey="1"/>
    <Label value="零部件" alias="part" background="#d6336c" hotkey="2"/>
    <Label value="工具" alias="tool" background="#2f9e44" hotkey="3"/>
    <Label value="参数" alias="value" background="#e8590c" hotkey="4"/>
    <Label value="注意事项" alias="caution" background="#7048e8" hotkey="5"/>
  </Labels>
  <Text name="text" value="$text" granularity="symbol"/>
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

_SUMMARY = """\
<View>
  <Header value="原文" size="5"/>
  <Text name="text" value="$text"/>
  <Header value="摘要（不超过一百字，只写原文里有的）" size="5"/>
  <TextArea name="summary" toName="text" rows="4" maxSubmissions="1" editable="true"
            required="true" requiredMessage="请先写摘要" placeholder="在这里写摘要"/>
</View>
"""

_STEPS = (
    "拧紧电机端盖螺栓前，先用无纺布清理接合面，并检查密封圈。"
    "使用扭矩扳手分两次拧紧，最终扭矩为45N·m。严禁在通电状态下操作。"
)

TEMPLATES = (
    Template(
        "work_order_faults",
        "text",
        "维修工单故障分类",
        "Faults in work orders",
        "按两级类别给维修记录归类，并标明紧急程度。数据字段：text。",
        "Sort a repair record into a tree of faults and say how urgent it is. Data: text.",
        _WORK_ORDERS,
    ),
    Template(
        "instruction_entities",
        "text",
        "作业指导书要素与关系",
        "Work instructions: entities and relations",
        "标出工序、零部件、工具和参数等实体，再连出它们的关系。数据字段：text。",
        "Mark steps, parts, tools and values, then join them by relations. Data: text.",
        _INSTRUCTIONS,
        {"text": _STEPS},
    ),
    Template(
        "text_entities",
        "text",
        "中文实体标注",
        "Entities in Chinese text",
        "在文本中标出实体。数据字段：text。",
        "Mark entities in a text. Data: text.",
        _TEXT_ENTITIES,
    ),
    Template(
        "text_summary",
        "text",
        "文本摘要",
        "Summaries of texts",
        "为一段文字写出简短摘要。数据字段：text。",
        "Write a short summary of a text. Data: text.",
        _SUMMARY,
    ),
)
