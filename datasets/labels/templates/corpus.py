"""Templates for the corpora of language models: preferences, ratings, answers, translations."""

from __future__ import annotations

from .template import Template

_PAIR = """\
<View>
  <Header value="问题" size="5"/>
  <Text name="prompt" value="$prompt"/>
  <Header value="点选更好的回答" size="5"/>
  <View style="display:flex; flex-wrap:wrap; gap:16px">
    <View style="flex:1 1 280px; min-width:0">
      <Text name="answer_a" value="$answer_a"/>
    </View>
    <View style="flex:1 1 280px; min-width:0">
      <Text name="answer_b" value="$answer_b"/>
    </View>
  </View>
  <Pairwise name="better" toName="answer_a,answer_b"/>
  <Header value="理由" size="5"/>
  <Choices name="reason" toName="prompt" choice="multiple" showInline="true">
    <Choice value="更准确" alias="accurate" hotkey="1"/>
    <Choice value="更完整" alias="complete" hotkey="2"/>
    <Choice value="更清楚" alias="clear" hotkey="3"/>
    <Choice value="更安全" alias="safe" hotkey="4"/>
  </Choices>
</View>
"""

_DIALOGUE = """\
<View>
  <Header value="对话" size="5"/>
  <Paragraphs name="dialogue" value="$dialogue" layout="dialogue" nameKey="author" textKey="text"/>
  <View style="display:flex; flex-wrap:wrap; gap:16px">
    <View style="flex:1 1 280px; min-width:0">
      <Header value="回复甲" size="5"/>
      <Text name="reply_a" value="$reply_a"/>
    </View>
    <View style="flex:1 1 280px; min-width:0">
      <Header value="回复乙" size="5"/>
      <Text name="reply_b" value="$reply_b"/>
    </View>
  </View>
  <Choices name="preference" toName="dialogue" choice="single" showInline="true" required="true"
           requiredMessage="请先选出更好的回复">
    <Choice value="甲明显好" alias="a_much" hotkey="1"/>
    <Choice value="甲略好" alias="a_slightly" hotkey="2"/>
    <Choice value="差不多" alias="equal" hotkey="3"/>
    <Choice value="乙略好" alias="b_slightly" hotkey="4"/>
    <Choice value="乙明显好" alias="b_much" hotkey="5"/>
    <Choice value="都不可用" alias="neither" hotkey="6"/>
  </Choices>
</View>
"""

_RATING = """\
<View>
  <Header value="问题" size="5"/>
  <Text name="question" value="$question"/>
  <Header value="回答" size="5"/>
  <Text name="answer" value="$answer"/>
  <View style="display:flex; flex-wrap:wrap; gap:24px">
    <View><Header value="正确" size="5"/><Rating name="correct" toName="answer"/></View>
    <View><Header value="有用" size="5"/><Rating name="helpful" toName="answer"/></View>
    <View><Header value="通顺" size="5"/><Rating name="fluent" toName="answer"/></View>
  </View>
  <Choices name="problem" toName="answer" choice="multiple" showInline="true">
    <Choice value="编造事实" alias="invented" hotkey="1"/>
    <Choice value="答非所问" alias="off_topic" hotkey="2"/>
    <Choice value="内容不当" alias="unsuitable" hotkey="3"/>
  </Choices>
  <TextArea name="comment" toName="answer" rows="2" editable="true" maxSubmissions="1"
            placeholder="说明（可不填）"/>
</View>
"""

_RANKING = """\
<View>
  <Header value="问题" size="5"/>
  <Text name="prompt" value="$prompt"/>
  <Header value="拖动回答，最好的放在最上面" size="5"/>
  <List name="answers" value="$answers" title="回答"/>
  <Ranker name="order" toName="answers"/>
</View>
"""

_WRITING = """\
<View>
  <Header value="指令" size="5"/>
  <Text name="instruction" value="$instruction"/>
  <Header value="标准回答" size="5"/>
  <TextArea name="response" toName="instruction" rows="8" editable="true" required="true"
            requiredMessage="请先写标准回答"
            maxSubmissions="1" placeholder="按指令写出准确、完整的回答"/>
  <Choices name="domain" toName="instruction" choice="single" showInline="true">
    <Choice value="设备维修" alias="repair" hotkey="1"/>
    <Choice value="工艺质量" alias="quality" hotkey="2"/>
    <Choice value="安全环保" alias="safety" hotkey="3"/>
    <Choice value="办公公文" alias="office" hotkey="4"/>
  </Choices>
</View>
"""

_TRANSLATION = """\
<View>
  <View style="display:flex; flex-wrap:wrap; gap:16px">
    <View style="flex:1 1 280px; min-width:0">
      <Header value="中文原文" size="5"/>
      <Text name="source" value="$source"/>
    </View>
    <View style="flex:1 1 280px; min-width:0">
      <Header value="机器译文" size="5"/>
      <Text name="machine" value="$target"/>
    </View>
  </View>
  <Header value="改好的英文译文" size="5"/>
  <TextArea name="translation" toName="source" rows="4" editable="true" required="true"
            requiredMessage="请先改好英文译文"
            maxSubmissions="1" value="$target"/>
  <Header value="机器译文的质量" size="5"/>
  <Rating name="quality" toName="machine" maxRating="5"/>
</View>
"""

_QUESTION = "主轴电机过热报警后，应先检查哪些部位？"
_GOOD = "先确认冷却风扇是否运转、风道有无堵塞，再检查润滑油位与电流是否超过额定值。"
_POOR = "重启设备即可，一般不需要检查。"

TEMPLATES = (
    Template(
        "answer_pairs",
        "corpus",
        "回答两两比较",
        "Answers compared in pairs",
        "在两个回答中点选更好的一个，用于偏好训练。数据字段：prompt、answer_a、answer_b。",
        "Choose the better of two answers, for preference training. "
        "Data: prompt, answer_a, answer_b.",
        _PAIR,
        {"prompt": _QUESTION, "answer_a": _GOOD, "answer_b": _POOR},
    ),
    Template(
        "dialogue_preference",
        "corpus",
        "对话回复偏好",
        "Preferred replies in a dialogue",
        "读完对话，在两个回复中分五档选择。数据字段：dialogue、reply_a、reply_b。",
        "Read a dialogue and prefer one of two replies in five degrees. "
        "Data: dialogue, reply_a, reply_b.",
        _DIALOGUE,
        {
            "dialogue": [
                {"author": "客户", "text": "设备报警E21是什么意思？"},
                {"author": "客服", "text": "E21表示主轴温度过高，请先停机。"},
                {"author": "客户", "text": "停机后要检查什么？"},
            ],
            "reply_a": _GOOD,
            "reply_b": _POOR,
        },
    ),
    Template(
        "answer_rating",
        "corpus",
        "问答质量评分",
        "Ratings of answers",
        "从正确、有用、通顺三方面给回答打分，并指出问题。数据字段：question、answer。",
        "Rate an answer for being correct, helpful and fluent. Data: question, answer.",
        _RATING,
        {"question": _QUESTION, "answer": _GOOD},
    ),
    Template(
        "answer_ranking",
        "corpus",
        "多个回答排序",
        "Several answers in order",
        "把多个回答从好到差排序。数据字段：prompt、answers（含 id、title、body 的列表）。",
        "Put several answers in order. Data: prompt, answers (a list of id, title, body).",
        _RANKING,
        {
            "prompt": _QUESTION,
            "answers": [
                {"id": "a", "title": "回答一", "body": _GOOD},
                {"id": "b", "title": "回答二", "body": _POOR},
                {"id": "c", "title": "回答三", "body": "先停机，再按点检表逐项检查。"},
            ],
        },
    ),
    Template(
        "instruction_answers",
        "corpus",
        "指令回答撰写",
        "Answers to instructions",
        "按指令写出标准回答，用于监督微调。数据字段：instruction。",
        "Write a model answer to an instruction, for fine-tuning. Data: instruction.",
        _WRITING,
        {"instruction": "请写出主轴电机过热报警的处理步骤，供夜班人员使用。"},
    ),
    Template(
        "translation",
        "corpus",
        "中英译文修改",
        "Chinese to English translations",
        "对照原文修改机器译文，并给机器译文打分。数据字段：source、target。",
        "Correct a machine's translation and rate it. Data: source, target.",
        _TRANSLATION,
    ),
)
